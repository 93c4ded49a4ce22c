import sharp from 'sharp'
import { UserError } from '../errors.js'
import { apngPages, isApng } from './apng-pages.node.js'
import { foreignKind } from './image-header.js'
import { LENIENT, shownMs, type Pages } from './pages.js'

/** Bytes of decoded pages that are held at a time. */
const CHUNK_BYTES = 2 ** 27

/**
 * Opens a picture or an animation.
 *
 * @param name stands for it in messages
 * @throws UserError when the bytes are no picture; so does `page`.
 */
export async function openPages(bytes: Uint8Array, name: string): Promise<Pages> {
  try {
    return isApng(bytes) ? apngPages(bytes, name) : await sharpPages(bytes, name)
  } catch (error) {
    throw error instanceof UserError ? error : unreadable(bytes, name, error)
  }
}

async function sharpPages(bytes: Uint8Array, name: string): Promise<Pages> {
  const {
    delay,
    format,
    pages = 1,
    pageHeight,
    width,
    height,
    autoOrient,
  } = await sharp(bytes, {
    ...LENIENT,
    limitInputPixels: false,
  }).metadata()
  const count = format === 'webp' || format === 'gif' ? pages : 1
  const size = count > 1 ? { width, height: pageHeight ?? height } : autoOrient
  const stride = size.width * size.height * 4
  const atATime = Math.max(1, Math.floor(CHUNK_BYTES / stride))
  let start = 0
  let chunk = new Uint8Array()
  return {
    ...size,
    durationsMs: Array.from({ length: count }, (_, i) => shownMs(delay?.[i] ?? 0)),
    page: async (index) => {
      if (index < start || index >= start + chunk.length / stride) {
        start = index
        chunk = await decode(bytes, name, index, Math.min(atATime, count - index), count > 1)
      }
      return chunk.subarray((index - start) * stride, (index - start + 1) * stride)
    },
  }
}

async function decode(bytes: Uint8Array, name: string, page: number, pages: number, animated: boolean) {
  try {
    const image = sharp(bytes, { ...LENIENT, page, pages })
    return await (animated ? image : image.autoOrient())
      .toColourspace('srgb')
      .ensureAlpha()
      .raw({ depth: 'uchar' })
      .toBuffer()
  } catch (error) {
    throw unreadable(bytes, name, error)
  }
}

/** What is wrong with a picture that cannot be decoded, in one sentence. */
function unreadable(bytes: Uint8Array, name: string, error: unknown): UserError {
  const kind = foreignKind(bytes)
  if (kind !== undefined) return new UserError(`cannot read ${name}: ${kind}`)
  const reason = (error as Error).message.split('\n')[0]
  return new UserError(`cannot read ${name} as a picture: ${reason}; give a whole PNG, JPEG, WebP or GIF`)
}
