import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Clip } from '../src/media/clip.node.js'
import { frameAt } from '../src/media/frames.js'
import { ImageToVideo } from '../src/pipeline/pretrained.node.js'

/** The clips that the studio's front plays before a model is loaded: a figure of the shelf, and the try that was chosen for it. */
const CLIPS: Readonly<Record<string, number>> = {
  balloon: 7,
  cactus: 3,
  cupcake: 1,
  sunflower: 5,
  crown: 2,
  mushroom: 7,
  guitar: 4,
  strawberry: 6,
  house: 7,
  avocado: 8,
  gift: 2,
  banana: 9,
}

/** What moves little is sharp, and so are the first pictures: they are played there and back. */
const MOTION = 50
const SHARP = 8

/** Makes the clips of the shelf anew, cut out: `npx tsx scripts/shelf-clips.ts`. */
async function main(): Promise<void> {
  const shelf = 'web/public/shelf'
  const out = process.argv[2] ?? join(shelf, 'moving')
  await mkdir(out, { recursive: true })
  const sfv = await ImageToVideo.fromPretrained('models/fluent')
  for (const [name, seed] of Object.entries(CLIPS)) {
    const { frames, fps, metadata } = await sfv.animate(join(shelf, `${name}.webp`), { seed, motion: MOTION })
    const there = Array.from({ length: SHARP }, (_, index) => index)
    const order = [...there, ...there.slice(1, -1).reverse()]
    const data = new Uint8Array(order.flatMap((index) => [...frameAt(frames, index).data]))
    const clip = new Clip({ frames: { ...frames, count: order.length, data }, fps, metadata })
    await clip.save(join(out, `${name}.webp`), { transparent: true, limit: 28 * 1024 })
  }
  await sfv.dispose()
}

await main()
