import { UserError } from '../../errors.js'
import type { Cut } from '../export.js'
import { canvasOf } from '../pixels.web.js'
import { assembleWebp } from './webp-animation.js'

/**
 * An animated WebP (lossy), its frames by the browser's own encoder.
 *
 * @param quality 0 to 1
 * @throws UserError when the browser has none.
 */
export async function encodeWebp(cut: Cut, quality: number, signal?: AbortSignal): Promise<Uint8Array> {
  const pictures: Uint8Array[] = []
  for (let index = 0; index < cut.frames.count; index++) {
    signal?.throwIfAborted()
    const blob = await canvasOf(cut, index).convertToBlob({ type: 'image/webp', quality })
    if (blob.type !== 'image/webp') throw new UserError('this browser writes no WebP; choose gif or apng')
    pictures.push(new Uint8Array(await blob.arrayBuffer()))
  }
  return assembleWebp(cut, pictures)
}
