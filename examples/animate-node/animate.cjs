// The same from CommonJS, where an ES module is imported as one goes.
async function main([picture = '../balloon.png', out = 'clip.gif']) {
  const { ImageToVideo } = await import('sfv')
  const sfv = await ImageToVideo.fromPretrained()
  const clip = await sfv.animate(picture, { seed: 7 })
  await clip.save(out)
  await sfv.dispose()
  console.log(`wrote ${out}`)
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error.message)
  process.exitCode = 1
})
