import { BlockMatcher } from '../src/data/block-matching.js'
import { designedMotion } from '../src/data/designed-motion.js'
import { frameDifferences } from '../src/data/motion.js'
import { UserError } from '../src/errors.js'
import { differenceOf, psnr } from '../src/evaluation/clip-metrics.js'
import { medianOf, meanOf } from '../src/evaluation/measure.js'
import { rankClips } from '../src/evaluation/rank.js'
import { frameAt, type Frames, type Picture } from '../src/media/frames.js'
import { resizePicture } from '../src/media/lanczos.js'
import type { ImageToVideo } from '../src/pipeline/pretrained.node.js'
import { Random } from '../src/runtime/random.js'
import { pictureAt, rgbaOf, type RealClip } from './control-clips.js'
import type { Row } from './measure.js'

interface Settings {
  readonly steps: number
}

/** Pixels of a side of the cells whose motion is known, and how far one must go to be asked for, and may. */
const [CELL, LEAST, MOST] = [16, 6, 22]
/** Candidates of each picture. */
const OF = 8

/** How near the last frame is to the one that was asked for: that of the real clip. */
export async function ends(sfv: ImageToVideo, clips: readonly RealClip[], settings: Settings): Promise<Row[]> {
  return unlessRefused('end frame: PSNR of the last frame, median', 'at least 30 dB', async () => {
    const near: number[] = []
    for (const { first, last } of clips) {
      const { frames } = await sfv.animate(first, { ...settings, seed: 1, end: last })
      near.push(nearness(frames, frames.count - 1, last))
    }
    return `${medianOf(near).toFixed(1)} dB (${Math.min(...near).toFixed(1)} to ${Math.max(...near).toFixed(1)})`
  })
}

/** The step from a loop's last frame to its first over the median step, and how near the first one is to the picture. */
export async function loops(sfv: ImageToVideo, clips: readonly RealClip[], settings: Settings): Promise<Row[]> {
  const near: number[] = []
  const seam = await unlessRefused('loop: seam, in steps, median', 'at most 1', async () => {
    const seams: number[] = []
    for (const { first } of clips) {
      const { frames } = await sfv.animate(first, { ...settings, seed: 1, loop: true })
      seams.push(
        differenceOf(frameAt(frames, frames.count - 1), frameAt(frames, 0)) / medianOf(frameDifferences(frames)),
      )
      near.push(nearness(frames, 0, first))
    }
    return medianOf(seams).toFixed(2)
  })
  if (near.length === 0) return seam
  return [
    ...seam,
    { what: 'loop: PSNR of the first frame, median', value: `${medianOf(near).toFixed(1)} dB`, bar: 'at least 35 dB' },
  ]
}

/** How far from where it was to go what is dragged has come, in pixels: of designed motions, and of real ones. */
export async function drags(sfv: ImageToVideo, clips: readonly RealClip[], settings: Settings): Promise<Row[]> {
  const { frames: count } = sfv.native
  const random = new Random(0, 'motions to ask for')
  const designed = clips.map(({ rgba }) => {
    const still = { ...rgba, count: 1, data: rgba.data.slice(0, 4 * rgba.width * rgba.height) }
    const { frames, flow, seen } = designedMotion(still, count, 7, random)
    return { first: pictureAt(frames, 0), ...farthest(flow.subarray((count - 1) * 2 * seen.length), seen) }
  })
  const real = clips.map(({ rgba, first }) => {
    const { flow, reliable } = new BlockMatcher(rgba).match(count - 1)
    return { first, ...farthest(flow, reliable) }
  })
  const rows: Row[] = []
  for (const [name, asked, bar] of [
    ['designed', designed, 'at most 2'],
    ['real', real, 'at most 4'],
  ] as const) {
    const wanted = asked.filter(({ way }) => way >= LEAST && way <= MOST)
    const what = `drag, ${name} motion: pixels from the goal, median`
    rows.push(
      ...(await unlessRefused(what, bar, async () => {
        if (wanted.length === 0) return 'none of the clips moves far enough'
        const off: number[] = []
        for (const { first, cell, dx, dy, way } of wanted) {
          const columns = first.width / CELL
          const [x, y] = [((cell % columns) + 0.5) * CELL, (Math.floor(cell / columns) + 0.5) * CELL]
          const motions = [{ from: [x, y], to: [x + dx, y + dy], radius: CELL / 2, ease: 'even' as const }]
          const made = await sfv.animate(first, { ...settings, seed: 1, motions: motions as never })
          const { flow, reliable } = new BlockMatcher(rgbaOf(made)).match(count - 1)
          // What is not found again has not come where it should.
          off.push(reliable[cell] ? Math.hypot(flow[cell]! - dx, flow[reliable.length + cell]! - dy) : way)
        }
        return `${medianOf(off).toFixed(1)} of ${medianOf(wanted.map(({ way }) => way)).toFixed(1)} (${wanted.length} clips)`
      })),
    )
  }
  return rows
}

/** How much changes where the lower half is to stand still, and how much elsewhere. */
export async function stands(sfv: ImageToVideo, clips: readonly RealClip[], settings: Settings): Promise<Row[]> {
  const [width, height] = [64, 64]
  const data = Uint8Array.from({ length: 3 * width * height }, (_, i) => (i >= (3 * width * height) / 2 ? 255 : 0))
  return unlessRefused(
    'still: most change where it stands, and mean elsewhere, of the range',
    'below 1 %',
    async () => {
      const [inside, outside]: [number[], number[]] = [[], []]
      for (const { first } of clips) {
        const { frames } = await sfv.animate(first, { ...settings, seed: 1, still: { width, height, data } })
        const own = resizePicture(first, frames.width, frames.height).data
        const [middle, edge] = [own.length / 2, 3 * frames.width * 4]
        let [most, sum, count] = [0, 0, 0]
        for (let i = 0; i < frames.data.length; i++) {
          const [at, change] = [i % own.length, Math.abs(frames.data[i]! - own[i % own.length]!) / 255]
          if (at > middle + edge) most = Math.max(most, change)
          else if (at < middle - edge) [sum, count] = [sum + change, count + 1]
        }
        inside.push(most)
        outside.push(sum / count)
      }
      return `${(100 * Math.max(...inside)).toFixed(2)} %, ${(100 * meanOf(outside)).toFixed(2)} %`
    },
  )
}

/** Torn blocks of the best of eight against the mean of them. */
export async function candidates(sfv: ImageToVideo, clips: readonly RealClip[], settings: Settings): Promise<Row[]> {
  const [best, all]: [number[], number[]] = [[], []]
  for (const { first } of clips) {
    const made: Frames[] = []
    for (let seed = 1; seed <= OF; seed++) made.push((await sfv.animate(first, { ...settings, seed })).frames)
    const scores = rankClips(made)
    best.push(scores[0]!.torn)
    all.push(meanOf(scores.map(({ torn }) => torn)))
  }
  const [kept, mean] = [meanOf(best), meanOf(all)]
  const value = `${(100 * kept).toFixed(2)} %, ${(100 * mean).toFixed(2)} %: ${(kept / mean).toFixed(2)}`
  return [{ what: `candidates: torn blocks of the best of ${OF}, and of the mean one`, value, bar: 'at most 0.67' }]
}

function nearness(frames: Frames, index: number, picture: Picture): number {
  return psnr(frameAt(frames, index).data, resizePicture(picture, frames.width, frames.height).data)
}

/** The cell that goes farthest of those that are known. */
function farthest(flow: Float32Array, known: Uint8Array) {
  let [cell, way] = [-1, 0]
  for (let i = 0; i < known.length; i++) {
    const length = Math.hypot(flow[i]!, flow[known.length + i]!)
    if (known[i] && length <= MOST && length > way) [cell, way] = [i, length]
  }
  return { cell, way, dx: flow[cell] ?? 0, dy: flow[known.length + cell] ?? 0 }
}

/** A row of the table; where the model cannot do it, what it says. */
async function unlessRefused(what: string, bar: string, measure: () => Promise<string>): Promise<Row[]> {
  const value = await measure().catch((error: unknown) => {
    if (error instanceof UserError) return `refused: ${error.message}`
    throw error
  })
  return [{ what, value, bar }]
}
