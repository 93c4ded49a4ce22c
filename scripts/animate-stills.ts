// Animates stills of the test split that have no animation, to be looked at: sheet.png with a row for each, and
// clips.html where they play.
// npx tsx scripts/animate-stills.ts MODEL STORE OUT [COUNT]
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ClipStore } from '../src/data/store.node.js'
import { encodeWebp } from '../src/media/encode/webp.node.js'
import { frameAt, type Frames } from '../src/media/frames.js'
import { writeSheet } from '../src/media/sheet.node.js'
import { ImageToVideo } from '../src/pipeline/pretrained.node.js'
import { Random } from '../src/runtime/random.js'

/** Clips in a row of the page, and of the sheet. */
const COLUMNS = 6
const PER_ROW = 2
/** Of the frames every third is on the sheet. */
const STEP = 3

const [model = 'models/fluent', data = 'data/fluent-128/stills', out = 'runs/stills', count = '40'] =
  process.argv.slice(2)
const store = await ClipStore.open(data, ['test'])
const sfv = await ImageToVideo.fromPretrained(model)
const random = new Random(0, 'stills')
const order = store.clips.map((_, i) => ({ i, place: random.uniform() })).sort((a, b) => a.place - b.place)
const rows: Frames[] = []
const labels: string[] = []
const figures: string[] = []
for (const { i } of order.slice(0, Number(count))) {
  const { name } = store.clips[i]!
  const clip = await sfv.animate(frameAt(await store.clip(i, 0, 1), 0), { seed: 0, fps: 7 })
  const { width, height, count: frames, data } = clip.frames
  const stride = 3 * width * height
  const shown = Array.from({ length: Math.ceil(frames / STEP) }, (_, k) =>
    data.subarray(k * STEP * stride, (k * STEP + 1) * stride),
  )
  rows.push({ width, height, count: shown.length, data: Buffer.concat(shown) })
  labels.push(name)
  const url = `data:image/webp;base64,${Buffer.from(await encodeWebp(clip)).toString('base64')}`
  figures.push(
    `<figure><img width="${width}" height="${height}" alt="" src="${url}"><figcaption>${name}</figcaption></figure>`,
  )
  process.stderr.write(`${labels.length}/${count} ${name}\n`)
}
const joined = Array.from({ length: Math.ceil(rows.length / PER_ROW) }, (_, row) => {
  const parts = rows.slice(row * PER_ROW, (row + 1) * PER_ROW)
  const frames = { ...parts[0]!, count: parts.reduce((sum, { count }) => sum + count, 0) }
  return { ...frames, data: Buffer.concat(parts.map(({ data }) => data)) }
})
await writeSheet(join(out, 'sheet.png'), joined, { scale: 0.75 })
const style = `body{font:12px system-ui,sans-serif;margin:1rem}main{display:grid;grid-template-columns:repeat(${COLUMNS},max-content);gap:.6rem}figure{margin:0}`
await writeFile(
  join(out, 'clips.html'),
  `<!doctype html><html lang="en"><meta charset="utf-8"><title>Stills</title><style>${style}</style><main>${figures.join('\n')}</main></html>\n`,
)
await Promise.all([sfv.dispose(), store.close()])
console.log(`wrote ${join(out, 'sheet.png')} and ${join(out, 'clips.html')}`)
