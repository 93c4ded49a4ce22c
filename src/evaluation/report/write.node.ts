import type { Frames } from '../../media/frames.js'
import { encodeWebp } from '../../media/encode/webp.node.js'
import { writeFileAtomic } from '../../runtime/files.node.js'
import type { EvaluationResults } from '../results.js'
import { reportPage } from './page.js'

/** How many clips a report shows. */
export const SHOWN_CLIPS = 16

/** Clips for a report: names of the pictures, and for each way to make clips one clip a picture. */
export interface ShownClips {
  readonly prompts: string[]
  readonly rows: Map<string, readonly Frames[]>
}

/**
 * Writes a report as one HTML file, its clips inside it as animated WebP.
 *
 * @throws UserError when the file cannot be written.
 */
export async function writeReport(
  path: string,
  results: EvaluationResults,
  { prompts, rows }: ShownClips,
): Promise<void> {
  const { width, height, fps } = results.data
  const columns: { name: string; images: string[] }[] = []
  for (const [name, clips] of rows) {
    const images: string[] = []
    for (const frames of clips) images.push(await inlined(frames, fps))
    columns.push({ name, images })
  }
  await writeFileAtomic(path, reportPage(results, { prompts, columns, width, height }))
}

async function inlined(frames: Frames, fps: number): Promise<string> {
  const bytes = await encodeWebp({ frames, fps, metadata: {} })
  return `data:image/webp;base64,${Buffer.from(bytes).toString('base64')}`
}
