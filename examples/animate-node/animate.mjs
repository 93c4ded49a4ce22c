// A picture to a clip, as an ES module: node animate.mjs picture.png clip.webp
import { ImageToVideo } from 'sfv'

const [picture = '../balloon.png', out = 'clip.webp'] = process.argv.slice(2)
const sfv = await ImageToVideo.fromPretrained()
const clip = await sfv.animate(picture, { seed: 7, onProgress: ({ stage }) => process.stderr.write(`${stage}\n`) })
await clip.save(out)
await sfv.dispose()
console.log(`wrote ${out}: ${clip.frames.count} frames of ${clip.frames.width}x${clip.frames.height}`)
