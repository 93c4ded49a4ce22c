import sharp from 'sharp'
import { frameAt, type Frames } from '../../media/frames.js'
import { encodeWebp } from '../../media/encode/webp.node.js'
import { writeFileAtomic } from '../../runtime/files.node.js'
import type { EvaluationResults } from '../results.js'
import { reportPage } from './page.js'

/** How many clips a report shows. */
export const SHOWN_CLIPS = 16

/** The widest that a clip is shown, in pixels. */
const WIDEST = 256
/** Pixels between two clips. */
const GAP = 8

/** Clips for a report: names of the pictures, and for each way to make clips one clip a picture. */
export interface ShownClips {
  readonly prompts: string[]
  readonly rows: Map<string, readonly Frames[]>
}

/**
 * Writes a report as one HTML file. The clips of a picture lie in it side by side as one animated WebP, so that they
 * play in step.
 *
 * @throws UserError when the file cannot be written.
 */
export async function writeReport(
  path: string,
  results: EvaluationResults,
  { prompts, rows }: ShownClips,
): Promise<void> {
  const { width, fps } = results.data
  const images: string[] = []
  for (const i of prompts.keys()) {
    const clips = await Promise.all([...rows.values()].map((clips) => fitted(clips[i]!)))
    const bytes = await encodeWebp({ frames: sideBySide(clips), fps, metadata: {} })
    images.push(`data:image/webp;base64,${Buffer.from(bytes).toString('base64')}`)
  }
  const gallery = { prompts, images, columns: [...rows.keys()], width: Math.min(WIDEST, width), gap: GAP }
  await writeFileAtomic(path, reportPage(results, gallery))
}

/** A clip no wider than is shown. */
async function fitted(clip: Frames): Promise<Frames> {
  if (clip.width <= WIDEST) return clip
  const height = Math.round((clip.height * WIDEST) / clip.width)
  const frames = Array.from({ length: clip.count }, (_, i) => {
    const { data, width, height: rows } = frameAt(clip, i)
    const picture = sharp(data, { raw: { width, height: rows, channels: 3 } })
    return picture.resize(WIDEST, height, { fit: 'fill' }).raw().toBuffer()
  })
  const data = new Uint8Array(Buffer.concat(await Promise.all(frames)))
  return { width: WIDEST, height, count: clip.count, data }
}

/** Clips of one size and length beside each other on white, with a gap after each. */
function sideBySide(clips: readonly Frames[]): Frames {
  const { width, height, count } = clips[0]!
  const across = clips.length * (width + GAP)
  const data = new Uint8Array(3 * count * height * across).fill(255)
  clips.forEach((clip, column) => {
    for (let row = 0; row < count * height; row++)
      data.set(clip.data.subarray(3 * row * width, 3 * (row + 1) * width), 3 * (row * across + column * (width + GAP)))
  })
  return { width: across, height, count, data }
}
