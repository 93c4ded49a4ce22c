import { UserError } from '../errors.js'

/** Formats of still and moving pictures that browsers read. */
export type ImageFormat = 'png' | 'jpeg' | 'webp' | 'gif' | 'avif'

/** What the first bytes of a picture say. */
export interface ImageHeader {
  readonly format: ImageFormat
  /** Size in pixels; absent for AVIF, whose boxes only a decoder knows well. */
  readonly size?: { readonly width: number; readonly height: number }
}

/** The shortest side of a picture that is read. */
export const MIN_SIDE = 8
/** The longest side of a picture that is read. */
export const MAX_SIDE = 16_384
/** The most pixels of a picture that is read. */
export const MAX_PIXELS = 64_000_000

/**
 * Holds a picture's size against what is read.
 *
 * @throws UserError naming the picture, when it is too large or too small.
 */
export function checkImageSize(width: number, height: number, label: string): void {
  const size = `it has ${width} x ${height} pixels`
  if (Math.min(width, height) < MIN_SIDE) {
    throw new UserError(`cannot read ${label}: ${size}; give one with sides of at least ${MIN_SIDE}`)
  }
  if (Math.max(width, height) > MAX_SIDE || width * height > MAX_PIXELS) {
    throw new UserError(
      `cannot read ${label}: ${size}; scale it down to at most ${MAX_SIDE} a side and ${MAX_PIXELS / 1e6} megapixels`,
    )
  }
}

/**
 * Tells a picture by its bytes, whatever its name or type says, and whether it is whole: browsers show what there is of
 * one that was cut short.
 *
 * @throws UserError naming the picture, when it is empty, a drawing, no picture, cut short or too large.
 */
export function readImageHeader(bytes: Uint8Array, label: string): ImageHeader {
  if (bytes.length === 0) throw new UserError(`cannot read ${label}: it is empty (0 bytes); give a PNG, JPEG or WebP`)
  const header = headerOf(bytes)
  if (header === 'cut') {
    throw new UserError(`cannot read ${label}: the picture is damaged or cut short; save or download it again`)
  }
  if (!header) {
    const kind = foreignKind(bytes) ?? 'it is not a picture; give a PNG, JPEG, WebP, GIF or AVIF'
    throw new UserError(`cannot read ${label}: ${kind}`)
  }
  if (header.size) checkImageSize(header.size.width, header.size.height, label)
  return header
}

function headerOf(bytes: Uint8Array): ImageHeader | 'cut' | undefined {
  if (ascii(bytes, 1, 4) === 'PNG' && bytes[0] === 0x89) return pngHeader(bytes)
  if (/^GIF8[79]a/.test(ascii(bytes, 0, 6))) return gifHeader(bytes)
  if (ascii(bytes, 0, 4) === 'RIFF' && ascii(bytes, 8, 12) === 'WEBP') return webpHeader(bytes)
  if (bytes[0] === 0xff && bytes[1] === 0xd8) return jpegHeader(bytes)
  if (isAvif(bytes)) return { format: 'avif' }
  return undefined
}

/** Brands of ISO base media (bytes 8 on of the first box) that tell which pictures are in it. */
const HEIC_BRANDS = /^(hei[cxms]|hev[cxms]|mif1|msf1)$/

/** First bytes of files that are no picture of ours, in hexadecimal, what they are, and the way out. */
const SIGNATURES: readonly (readonly [start: RegExp, what: string])[] = [
  [/^424d.{24}(0c|28|34|38|40|6c|7c)000000/, 'it is a BMP picture; export it as PNG first'],
  [/^0000(01|02)00(?!00)..00/, 'it is an ICO icon; export it as PNG first'],
  [/^38425053000[12]/, 'it is a PSD drawing; export it as PNG first'],
  [/^(ff0a|0000000c4a584c200d0a870a)/, 'it is a JPEG XL picture; export it as PNG first'],
  [/^(ff4fff51|0000000c6a5020200d0a870a)/, 'it is a JPEG 2000 picture; export it as PNG first'],
  [/^(49492[ab]00|4d4d002[ab])/, 'it is a TIFF picture; export it as PNG first'],
  [/^762f3101/, 'it is an OpenEXR picture; export it as PNG first'],
  [/^233f(52414449414e4345|52474245)/, 'it is a Radiance HDR picture; export it as PNG first'],
  [/^716f6966/, 'it is a QOI picture; export it as PNG first'],
  [/^44445320/, 'it is a DDS texture; export it as PNG first'],
  [/^67696d7020786366/, 'it is a GIMP drawing; export it as PNG first'],
  [/^503[1-7](09|0a|0d|20)/, 'it is a PNM picture; export it as PNG first'],
  [/^255044462d/, 'it is a PDF document; export the page as PNG first'],
  [/^252153/, 'it is a PostScript document; export it as PNG first'],
  [/^(1a45dfa3|464c5601|4f676753|52494646.{8}41564920)/, 'it is a video; give one of its pictures, as PNG or JPEG'],
  [/^(504b0304|1f8b|377abcaf|52617221)/, 'it is an archive; unpack it, and give a picture in it'],
]

/**
 * What bytes are that no decoder of ours reads, and what to do about it: "it is a BMP picture; export it as PNG first".
 * Undefined where that cannot be told.
 */
export function foreignKind(bytes: Uint8Array): string | undefined {
  const start = ascii(bytes, 0, 1000)
  if (/<svg[\s>]/i.test(start)) return 'SVG drawings are not read; export it as PNG at the size you want'
  if (isMovie(bytes)) return 'it is a video; give one of its pictures, as PNG or JPEG'
  if (isHeic(bytes)) return 'it is a HEIC picture; export it as JPEG or PNG first'
  if (/^(<!doctype html|<html)/i.test(start)) return 'it is a web page; save the picture itself, and give its file'
  if (/^version https:\/\/git-lfs/.test(start)) {
    return 'it only points to the file in Git LFS; fetch it with `git lfs pull`'
  }
  const hex = Array.from(bytes.subarray(0, 32), (byte) => byte.toString(16).padStart(2, '0')).join('')
  return SIGNATURES.find(([pattern]) => pattern.test(hex))?.[1]
}

/** The brands of ISO base media: the major one, then those that it is compatible with (ISO 14496-12, 4.3). */
function fileBrands(bytes: Uint8Array): string[] {
  if (bytes.length < 12 || ascii(bytes, 4, 8) !== 'ftyp') return []
  const end = Math.min(viewOf(bytes).getUint32(0), bytes.length, 256)
  const brands = [ascii(bytes, 8, 12)]
  for (let at = 16; at + 4 <= end; at += 4) brands.push(ascii(bytes, at, at + 4))
  return brands
}

/** Whether bytes are the beginning of an MP4, a QuickTime or another video in ISO base media; the first 256 suffice. */
export function isMovie(bytes: Uint8Array): boolean {
  return fileBrands(bytes).length > 0 && !isAvif(bytes) && !isHeic(bytes)
}

function isHeic(bytes: Uint8Array): boolean {
  return !isAvif(bytes) && fileBrands(bytes).some((brand) => HEIC_BRANDS.test(brand))
}

/** HEIF files of AV1 pictures may have the general brand mif1 in front, and say avif only among the others. */
function isAvif(bytes: Uint8Array): boolean {
  return fileBrands(bytes).some((brand) => brand === 'avif' || brand === 'avis')
}

function ascii(bytes: Uint8Array, from: number, to: number): string {
  return String.fromCharCode(...bytes.subarray(from, to))
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** Chunks behind the signature: length, type, bytes, CRC (PNG specification, third edition, 5.3). */
function pngHeader(bytes: Uint8Array): ImageHeader | 'cut' {
  const view = viewOf(bytes)
  if (bytes.length < 33) return 'cut'
  const size = { width: view.getUint32(16), height: view.getUint32(20) }
  for (let at = 8; at + 12 <= bytes.length; at += 12 + view.getUint32(at)) {
    if (ascii(bytes, at + 4, at + 8) === 'IEND') return { format: 'png', size }
  }
  return 'cut'
}

/** Screen, colour table, then blocks to the trailer 0x3b (GIF89a, 17 to 27). */
function gifHeader(bytes: Uint8Array): ImageHeader | 'cut' {
  if (bytes.length < 13) return 'cut'
  const size = { width: bytes[6]! + 256 * bytes[7]!, height: bytes[8]! + 256 * bytes[9]! }
  const tableBytes = (flags: number) => (flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0)
  let at = 13 + tableBytes(bytes[10]!)
  while (at < bytes.length) {
    const kind = bytes[at]!
    if (kind === 0x3b) return { format: 'gif', size }
    if (kind === 0x21) at += 2
    else if (kind === 0x2c && at + 9 < bytes.length) at += 11 + tableBytes(bytes[at + 9]!)
    else return 'cut'
    while (at < bytes.length && bytes[at] !== 0) at += 1 + bytes[at]!
    at += 1
  }
  return 'cut'
}

/** RIFF's own length, then the size in the first chunk (RFC 9649, 2.5 to 2.7). */
function webpHeader(bytes: Uint8Array): ImageHeader | 'cut' {
  const view = viewOf(bytes)
  if (bytes.length < 30 || view.getUint32(4, true) + 8 > bytes.length) return 'cut'
  const kind = ascii(bytes, 12, 16)
  const packed = view.getUint32(21, true)
  if (kind === 'VP8L') {
    return { format: 'webp', size: { width: (packed & 0x3fff) + 1, height: ((packed >>> 14) & 0x3fff) + 1 } }
  }
  if (kind === 'VP8 ') {
    return {
      format: 'webp',
      size: { width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff },
    }
  }
  const three = (at: number) => view.getUint16(at, true) + 65536 * bytes[at + 2]! + 1
  return { format: 'webp', size: { width: three(24), height: three(27) } }
}

/** Segments to the frame header (ITU-T T.81, B.2); the end marker must come somewhere after. */
function jpegHeader(bytes: Uint8Array): ImageHeader | 'cut' {
  const view = viewOf(bytes)
  for (let at = 2; at + 9 < bytes.length && bytes[at] === 0xff; at += 2 + view.getUint16(at + 2)) {
    const marker = bytes[at + 1]!
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)
    if (!isFrame) continue
    const size = { width: view.getUint16(at + 7), height: view.getUint16(at + 5) }
    for (let end = bytes.length - 2; end > at; end--) {
      if (bytes[end] === 0xff && bytes[end + 1] === 0xd9) return { format: 'jpeg', size }
    }
  }
  return 'cut'
}
