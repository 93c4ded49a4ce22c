import { UserError } from '../errors.js'
import { gather, type Sampling } from './clip-frame.js'
import { readFrames } from './decode.node.js'
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
