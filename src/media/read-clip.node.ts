import { UserError } from '../errors.js'
import { decodeClip } from './decode.node.js'
import { frameAt, type Frames } from './frames.js'
import { framesOnScreen } from './resample.js'

/**
 * Reads the beginning of a clip at a steady rate.
 *
 * @param at the rate in pictures per second; the size that is wanted, to whose middle square a square clip is scaled at
 *   once; the most pictures
 * @throws UserError when it cannot be read or does not move.
 */
export async function readClipAt(
  path: string,
  at: { readonly fps: number; readonly width: number; readonly height: number; readonly maxFrames: number },
): Promise<{ readonly frames: Frames; readonly fps: number }> {
  const { fps, width, height, maxFrames } = at
  const sampling = width === height ? { sampling: { fps, size: { width, height }, minFrames: 1 } } : {}
  const { frames, durationsMs } = await decodeClip(path, sampling)
  if (frames.count < 2) throw new UserError(`${path} does not move; give a video, an animated WebP or a GIF`)
  const shown = framesOnScreen(durationsMs, fps).slice(0, maxFrames)
  const data = new Uint8Array(shown.length * frames.width * frames.height * 3)
  shown.forEach((index, i) => data.set(frameAt(frames, index).data, i * frames.width * frames.height * 3))
  return { frames: { ...frames, count: shown.length, data }, fps }
}
