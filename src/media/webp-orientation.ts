/** The tag of the orientation in EXIF. */
const ORIENTATION = 0x0112

/**
 * Takes the EXIF chunk out of a WebP file, in place. Not all browsers turn WebP pictures as it says, so that the page
 * does it: for that no browser may.
 *
 * @returns the orientation of EXIF, 1 to 8; 1 where there is none
 */
export function takeWebpOrientation(webp: Uint8Array): number {
  const view = new DataView(webp.buffer, webp.byteOffset, webp.byteLength)
  for (let at = 12; at + 8 <= webp.length;) {
    const length = view.getUint32(at + 4, true)
    if (String.fromCharCode(...webp.subarray(at, at + 4)) === 'EXIF') {
      // Readers pass over chunks that they do not know.
      webp.set([0x73, 0x6b, 0x69, 0x70], at)
      return orientationOf(webp.subarray(at + 8, Math.min(at + 8 + length, webp.length)))
    }
    at += 8 + length + (length % 2)
  }
  return 1
}

/**
 * The orientation in the first directory of EXIF (TIFF 6.0, section 2), also behind the words that JPEG puts in front.
 */
function orientationOf(exif: Uint8Array): number {
  const start = String.fromCharCode(...exif.subarray(0, 4)) === 'Exif' ? 6 : 0
  const view = new DataView(exif.buffer, exif.byteOffset + start, Math.max(0, exif.byteLength - start))
  if (view.byteLength < 14) return 1
  const little = view.getUint16(0) === 0x4949
  const directory = view.getUint32(4, little)
  if (directory + 2 > view.byteLength) return 1
  const entries = view.getUint16(directory, little)
  for (let i = 0, at = directory + 2; i < entries && at + 12 <= view.byteLength; i++, at += 12) {
    if (view.getUint16(at, little) !== ORIENTATION) continue
    const value = view.getUint16(at + 8, little)
    return value >= 1 && value <= 8 ? value : 1
  }
  return 1
}
