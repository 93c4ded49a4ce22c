import { whiteAlpha } from '../media/key-white.js'
import type { Frames } from '../media/frames.js'

/**
 * The opacity of a clip's figure, cut from the white that it stands on, (count, height, width); nothing where no white reaches
 * the border, as in photographs.
 */
export function figureAlpha(frames: Frames): Uint8Array | undefined {
  const alpha = whiteAlpha(frames)
  return alpha.includes(0) ? alpha : undefined
}
