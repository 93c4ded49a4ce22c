// Measures the seam of loops and how far edits are carried, and writes the section of docs/results.md:
// npx tsx scripts/loop-and-edit.ts [MODEL] [--write]
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { frameDifferences } from '../src/data/motion.js'
import { differenceOf, motionOf, psnr } from '../src/evaluation/clip-metrics.js'
import { medianOf } from '../src/evaluation/measure.js'
import { frameAt, type Frames, type Picture } from '../src/media/frames.js'
import { readImage } from '../src/media/image.node.js'
import { resizePicture } from '../src/media/lanczos.js'
import { ImageToVideo } from '../src/pipeline/pretrained.node.js'

const SHELF = 'web/public/shelf'
const FIGURES = ['cactus', 'cupcake', 'sunflower', 'crown', 'strawberry', 'gift']
const STRENGTHS = [0.2, 0.5, 0.9]
const DOCUMENT = 'docs/results.md'
const MARKS = ['<!-- loop and edit -->', '<!-- end of loop and edit -->'] as const

/** What the last frame and the first differ by, over the median of what neighbours differ by. */
function seamRatio(frames: Frames): number {
  return differenceOf(frameAt(frames, frames.count - 1), frameAt(frames, 0)) / medianOf(frameDifferences(frames))
}

/** PSNR of the first frame against the picture, dB. */
function nearness(frames: Frames, picture: Picture): number {
  return psnr(frameAt(frames, 0).data, resizePicture(picture, frames.width, frames.height).data)
}

/** Paints a blue disc right of the middle; `inside` tells the bytes that it covers. */
function painted({ width, height, data }: Picture): { picture: Picture; inside: number[] } {
  const changed = data.slice()
  const inside: number[] = []
  for (let i = 0; i < width * height; i++) {
    const [x, y] = [(i % width) / width - 0.55, Math.floor(i / width) / height - 0.5]
    if (Math.hypot(x, y) > 0.12) continue
    for (const [channel, value] of [40, 90, 220].entries()) {
      changed[3 * i + channel] = value
      inside.push(3 * i + channel)
    }
  }
  return { picture: { width, height, data: changed }, inside }
}

/** How much of the change `wanted` is in the change `found`: the projection <found, wanted> / <wanted, wanted>. */
function carried(found: (i: number) => number, wanted: (i: number) => number, inside: readonly number[]): number {
  let [along, square] = [0, 0]
  for (const i of inside) {
    along += found(i) * wanted(i)
    square += wanted(i) ** 2
  }
  return along / square
}

const args = process.argv.slice(2)
const model = args.find((arg) => !arg.startsWith('--')) ?? 'models/fluent'
const sfv = await ImageToVideo.fromPretrained(model)
const open: number[] = []
const closed: number[] = []
const moved: [number, number][] = []
const near: number[] = []
const nearOpen: number[] = []
const shares = new Map(STRENGTHS.map((strength) => [strength, { mean: [] as number[], last: [] as number[] }]))
const loops = []
const clips = []
for (const figure of FIGURES) {
  const picture = await readImage(join(SHELF, `${figure}.webp`))
  clips.push(await sfv.animate(picture, { seed: 1 }))
  open.push(seamRatio(clips.at(-1)!.frames))
  nearOpen.push(nearness(clips.at(-1)!.frames, picture))
}
for (const figure of FIGURES) {
  const picture = await readImage(join(SHELF, `${figure}.webp`))
  loops.push(await sfv.animate(picture, { seed: 1, loop: true }))
  closed.push(seamRatio(loops.at(-1)!.frames))
  near.push(nearness(loops.at(-1)!.frames, picture))
  moved.push([motionOf(clips[loops.length - 1]!.frames), motionOf(loops.at(-1)!.frames)])
}
for (const { frames, fps } of clips) {
  const first = frameAt(frames, 0)
  const { picture, inside } = painted(first)
  for (const strength of STRENGTHS) {
    const options = { seed: 2, strength }
    const unchanged = (await sfv.edit({ frames, fps }, first, options)).frames
    const changed = (await sfv.edit({ frames, fps }, picture, options)).frames
    const found = (frame: number) => (i: number) =>
      frameAt(changed, frame).data[i]! - frameAt(unchanged, frame).data[i]!
    const wanted = (i: number) => picture.data[i]! - first.data[i]!
    const each = Array.from({ length: frames.count }, (_, frame) => carried(found(frame), wanted, inside))
    const { mean, last } = shares.get(strength)!
    mean.push(each.reduce((sum, share) => sum + share, 0) / each.length)
    last.push(each.at(-1)!)
  }
}
await sfv.dispose()

const two = (value: number) => value.toFixed(2)
const ratio = medianOf(moved.map(([before, after]) => after / before))
const section = `## Loops and edits

Of \`${model}\`, ${FIGURES.length} figures of the studio's shelf, one forward with seed 1. Printed by
\`npx tsx scripts/loop-and-edit.ts --write\`.

**Seam.** The seam of a clip is the difference between its last frame and its first, over the median difference of neighbouring frames.
Differences are mean absolute differences of bytes. A seam of 1 looks like any other step; a seam below 1 looks like a short rest.

A model that takes no end frame makes the loop from two clips, forwards and backwards from the picture, and fuses them
([docs/control.md](control.md)). That takes 6 forwards, and the loop begins with the picture itself.

| clip | seam, median | least | most |
| --- | --- | --- | --- |
| one forward | ${two(medianOf(open))} | ${two(Math.min(...open))} | ${two(Math.max(...open))} |
| with \`--loop\` | ${two(medianOf(closed))} | ${two(Math.min(...closed))} | ${two(Math.max(...closed))} |

The PSNR of the first frame against the picture is ${two(medianOf(near))} dB for a loop and ${two(medianOf(nearOpen))} dB for an open clip (median).
Loops move ${two(ratio)} times as much as open clips (mean difference of neighbours, median over figures).

**Share of an edit.** An edit paints a blue disc on the first frame. A frame's change is its difference from the same edit without the
disc. The share is the projection of that change on the painted disc, within the disc. A share of 1 is the whole disc, in place.

| strength | level | share, mean over frames | share in the last frame |
| --- | --- | --- | --- |
${STRENGTHS.map((strength, i) => {
  const { mean, last } = shares.get(strength)!
  return `| ${strength} | ${['lowest', 'middle', 'highest'][i]} | ${two(medianOf(mean))} | ${two(medianOf(last))} |`
}).join('\n')}
`
console.log(section)
if (args.includes('--write')) {
  const text = await readFile(DOCUMENT, 'utf8').catch(() => '# Results\n')
  const [before, rest] = text.split(MARKS[0])
  const after = rest?.split(MARKS[1])[1] ?? '\n'
  await writeFile(DOCUMENT, `${before!.trimEnd()}\n\n${MARKS[0]}\n\n${section}\n${MARKS[1]}${after}`)
}
