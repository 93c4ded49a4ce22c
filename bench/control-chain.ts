import { driftOf, type Drift } from '../src/evaluation/drift.js'
import { motionOf } from '../src/evaluation/clip-metrics.js'
import { frameAt, type Frames } from '../src/media/frames.js'
import { concatenated } from '../src/runtime/concatenated.js'
import { writeSheet } from '../src/media/sheet.node.js'
import type { ImageToVideo } from '../src/pipeline/pretrained.node.js'
import { someFrames, type RealClip } from './control-clips.js'
import type { Row } from './measure.js'
import { meanOf } from '../src/evaluation/measure.js'

/** Links of the chains, as 8 seconds at 12 pictures per second take. */
const LINKS = 8
/** Frames of a row of the sheet. */
const SHOWN = 9

interface Settings {
  readonly steps: number
}

/** One clip on the last frame of the other, eight times. */
async function naiveChain(sfv: ImageToVideo, { first }: RealClip, { steps }: Settings): Promise<Frames> {
  const parts: Frames[] = []
  let picture = first
  for (let link = 0; link < LINKS; link++) {
    const { frames, alpha } = await sfv.animate(picture, { steps, seed: 1 + link })
    parts.push(frames)
    picture = frameAt(frames, frames.count - 1, alpha)
  }
  return {
    ...parts[0]!,
    count: parts.reduce((sum, { count }) => sum + count, 0),
    data: concatenated(parts.map(({ data }) => data)),
  }
}

/** The first clip of a chain, and what is put to it. */
async function heldChain(sfv: ImageToVideo, { first }: RealClip, { steps }: Settings): Promise<Frames> {
  const clip = await sfv.animate(first, { steps, seed: 1 })
  return (await sfv.extend(clip, { steps, seed: 2, links: LINKS - 1 })).frames
}

/**
 * How far chains of eight clips drift, beside the naive chain: colours, sharpness and motion in the first clip and the last.
 *
 * @param sheet where a contact sheet goes, where one is wanted
 */
export async function chains(
  sfv: ImageToVideo,
  clips: readonly RealClip[],
  settings: Settings,
  sheet?: string,
): Promise<Row[]> {
  const per = sfv.native.frames
  const rows: Row[] = []
  const shown: Frames[] = []
  for (const [name, make] of Object.entries({ held: heldChain, naive: naiveChain })) {
    const drifts: Drift[] = []
    const motions: [number, number][] = []
    for (const [i, clip] of clips.entries()) {
      const frames = await make(sfv, clip, settings)
      drifts.push(driftOf(frames, per))
      const side = (from: number) =>
        someFrames(
          frames,
          Array.from({ length: per }, (_, k) => from + k),
        )
      motions.push([motionOf(side(0)), motionOf(side(frames.count - per))])
      const places = Array.from({ length: SHOWN }, (_, k) => Math.round((k * (frames.count - 1)) / (SHOWN - 1)))
      if (i < 3) shown.push(someFrames(frames, places))
    }
    const told = (of: (drift: Drift) => number) => meanOf(drifts.map(of))
    const [before, after] = [told(({ first }) => first.colours), told(({ last }) => last.colours)]
    const [sharp, sharper] = [told(({ first }) => first.sharpness), told(({ last }) => last.sharpness)]
    rows.push(
      {
        what: `${name} chain of ${LINKS}: colours, first clip and last`,
        value: `${before.toFixed(1)} dB, ${after.toFixed(1)} dB`,
        bar: 'within 1 dB',
      },
      {
        what: `${name} chain: sharpness, of the picture's`,
        value: `${(100 * sharp).toFixed(0)} %, ${(100 * sharper).toFixed(0)} %`,
        bar: 'within 10 %',
      },
      {
        what: `${name} chain: motion of the last clip, of the first's`,
        value: (meanOf(motions.map(([, b]) => b)) / meanOf(motions.map(([a]) => a))).toFixed(2),
        bar: '',
      },
    )
  }
  if (sheet !== undefined) await writeSheet(sheet, shown, { scale: 0.75 })
  return rows
}
