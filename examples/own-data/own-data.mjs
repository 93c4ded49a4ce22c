// Clips of one's own to a model of one's own: node own-data.mjs my-clips picture.png
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { ImageToVideo } from 'sfv'
import { readRecipe, train } from 'sfv/training'

const example = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url))
const [clips = 'my-clips', picture = example('balloon.png'), steps = '3000'] = process.argv.slice(2)

// So that the example runs anywhere: where there is no such folder, the bundled model fills it.
if (!existsSync(clips)) {
  mkdirSync(clips)
  const sfv = await ImageToVideo.fromPretrained()
  for (let seed = 0; seed < 20; seed++) {
    const clip = await sfv.animate(example(seed % 2 ? 'balloon.png' : 'gift.png'), { seed })
    await clip.save(`${clips}/clip-${seed}.webp`)
  }
  await sfv.dispose()
}

// The clip store: sfv data my-clips -o data/mine
const command = fileURLToPath(new URL('bin/main.js', import.meta.resolve('sfv')))
if (!existsSync('data/mine'))
  execFileSync(process.execPath, [command, 'data', clips, '-o', 'data/mine'], { stdio: 'inherit' })

// The bundled student goes on with SF-V's objective on them.
const recipe = { ...(await readRecipe('recipes/finetune.json')), steps: Number(steps), output: 'models/mine' }
await train(recipe, {
  folder: 'runs/mine',
  onEvent: (event) => {
    if (event.type === 'step') process.stderr.write(`\r${event.step}/${steps}`)
  },
})

const mine = await ImageToVideo.fromPretrained('models/mine')
await (await mine.animate(picture, { seed: 1 })).save('mine.webp')
await mine.dispose()
console.log('\nwrote mine.webp')
