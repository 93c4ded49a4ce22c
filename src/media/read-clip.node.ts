import { readFile, stat } from 'node:fs/promises'
import { UserError } from '../errors.js'
import { gather, type Sampling } from './clip-frame.js'
import { isVideoName, readFrames } from './decode.node.js'
import { describeWithFfmpeg } from './ffmpeg.node.js'
import { openPages } from './open-pages.node.js'
import type { ClipContent } from './clip.js'

/**
 * Reads the beginning of a clip at a steady rate and at the size that is wanted.
 *
 * @throws UserError when it cannot be read or does not move.
 */
export async function readClipAt(
  path: string,
  sampling: Sampling,
): Promise<Pick<ClipContent, 'frames' | 'alpha' | 'fps'>> {
  const decoded = await gather(readFrames(path, { sampling }), path)
  if (decoded.frames.count < 2 && sampling.maxFrames !== 1) {
    throw new UserError(`${path} does not move; give a video, an animated WebP or a GIF`)
  }
  return { ...decoded, fps: sampling.fps }
}

/** The rate of a folder of frames, which has none of its own. */
const FOLDER_RATE = 7

/**
 * The pictures per second of a clip's file; where they differ, their mean.
 *
 * @throws UserError when it cannot be read.
 */
export async function rateOf(path: string): Promise<number> {
  const kind = await stat(path).catch((error: Error) => {
    throw new UserError(`cannot read ${path}: ${error.message}; give the path of a clip`)
  })
  if (kind.isDirectory()) return FOLDER_RATE
  if (isVideoName(path)) {
    const [, rate] = /, (\d+(?:\.\d+)?) fps/.exec(await describeWithFfmpeg(path)) ?? []
    if (rate === undefined) throw new UserError(`${path} does not say its rate; give --fps`)
    return Math.min(120, Math.max(1, Number(rate)))
  }
  const { durationsMs } = await openPages(await readFile(path), path)
  const total = durationsMs.reduce((sum, each) => sum + each, 0)
  return Math.min(120, Math.max(1, (1000 * durationsMs.length) / total))
}
