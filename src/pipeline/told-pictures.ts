import { deflateSync, inflateSync } from 'fflate'
import type { Picture } from '../media/frames.js'
import { concatenated } from '../runtime/concatenated.js'

/** The most letters that a picture takes where metadata holds the whole of it. */
const MOST = 4096
/** Pixels above which none is as small as that. */
const MOST_PIXELS = 2 ** 22

/**
 * A picture in words, for metadata: the whole of it where that takes at most 4 KB, as of a mask, else its SHA-256. Where the
 * browser has no SHA-256, as on pages without encryption, that it was there.
 */
export async function tellPicture(picture: Picture): Promise<string> {
  const { width, height, data, alpha } = picture
  const size = `${width}x${height}${alpha ? ' with alpha' : ''}`
  const bytes = alpha ? concatenated([Uint8Array.from(data), alpha]) : Uint8Array.from(data)
  if (width * height <= MOST_PIXELS) {
    const packed = deflateSync(bytes, { level: 9 })
    if (packed.length <= (MOST * 3) / 4 - size.length)
      return `${size}, deflated: ${btoa(String.fromCharCode(...packed))}`
  }
  const { subtle } = crypto as { readonly subtle?: SubtleCrypto }
  if (!subtle) return `${size}, sha256 unknown`
  const digest = new Uint8Array(await subtle.digest('SHA-256', bytes))
  return `${size}, sha256: ${[...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`
}

/** The picture of `tellPicture`; nothing where its checksum alone was told, or words that are none of these. */
export function pictureTold(text: string): Picture | undefined {
  const [, across, down, clear, packed] = /^(\d+)x(\d+)( with alpha)?, deflated: ([\w+/=]+)$/.exec(text) ?? []
  if (packed === undefined) return undefined
  const [width, height] = [Number(across), Number(down)]
  const pixels = width * height
  try {
    const bytes = inflateSync(Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0)))
    if (bytes.length !== pixels * (clear ? 4 : 3)) return undefined
    const data = bytes.slice(0, 3 * pixels)
    return { width, height, data, ...(clear && { alpha: bytes.slice(3 * pixels) }) }
  } catch {
    return undefined
  }
}
