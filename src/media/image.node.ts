import { readFile, stat } from 'node:fs/promises'
import sharp, { type Metadata, type Sharp } from 'sharp'
import { UserError } from '../errors.js'
import type { Picture } from './frames.js'
import { checkImageSize, foreignKind, MAX_PIXELS } from './image-header.js'
import { LENIENT } from './pages.js'

/**
 * Reads a still picture upright (EXIF orientation applied), in sRGB, on white where it is transparent, with its opacity
 * then; of an animation the first frame.
 *
 * @param source the path of a PNG, JPEG, WebP, GIF, AVIF or TIFF file, or the bytes of one
 * @param name stands for the picture in messages; the path unless told
 * @throws UserError when it cannot be read, is no such picture, has a side under 8 or over 16,384 pixels, or has more
 *   than 64 million pixels.
 */
export async function readImage(source: string | Uint8Array, name?: string): Promise<Picture> {
  const label = name ?? (typeof source === 'string' ? source : 'the picture')
  const bytes = typeof source === 'string' ? await readBytes(source, label) : source
  if (bytes.length === 0) throw new UserError(`cannot read ${label}: it is empty (0 bytes); give a PNG, JPEG or WebP`)
  const header = await readHeader(bytes, label)
  checkHeader(header, label)
  const upright = () => sharp(bytes, { ...LENIENT, limitInputPixels: MAX_PIXELS }).autoOrient()
  try {
    const { data, info } = await upright()
      .flatten({ background: '#ffffff' })
      .toColourspace('srgb')
      .removeAlpha()
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true })
    const { width, height } = info
    const alpha = header.hasAlpha ? await opacityOf(upright()) : undefined
    return { width, height, data: new Uint8Array(data), ...(alpha && { alpha }) }
  } catch {
    const kind = foreignKind(bytes) ?? 'the picture is damaged or cut short; save or download it again'
    throw new UserError(`cannot read ${label}: ${kind}`)
  }
}

/** The opacity of each pixel, (height, width); undefined where all is opaque. */
async function opacityOf(image: Sharp): Promise<Uint8Array | undefined> {
  const rgba = await image.toColourspace('srgb').ensureAlpha().raw({ depth: 'uchar' }).toBuffer()
  const alpha = new Uint8Array(rgba.length / 4)
  for (let pixel = 0; pixel < alpha.length; pixel++) alpha[pixel] = rgba[4 * pixel + 3]!
  return alpha.every((value) => value === 255) ? undefined : alpha
}

async function readBytes(path: string, label: string): Promise<Uint8Array> {
  if (/^https?:\/\//i.test(path)) {
    throw new UserError(`cannot read ${label}: it is an address; download the picture and give the path of its file`)
  }
  try {
    const kind = await stat(path)
    if (kind.isDirectory()) throw new UserError(`cannot read ${label}: it is a folder; give one picture in it`)
    // A shell gives the output of a command as a pipe with a name: `<(...)`.
    if (!kind.isFile() && !kind.isFIFO()) {
      throw new UserError(`cannot read ${label}: it is not a regular file; give a picture file`)
    }
    return await readFile(path)
  } catch (error) {
    if (error instanceof UserError) throw error
    const { code } = error as NodeJS.ErrnoException
    throw new UserError(`cannot read ${label}: ${REASONS[code ?? ''] ?? 'the file cannot be opened; check it'}`)
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file; check the path',
  ENOTDIR: 'a part of the path is a file, not a folder; check the path',
  EACCES: 'you may not read it; change its permissions',
  EPERM: 'you may not read it; change its permissions',
  ENAMETOOLONG: 'the name is too long; check the path',
  ERR_FS_FILE_TOO_LARGE: 'it has more than 2 GiB; give a PNG, JPEG or WebP picture',
}

async function readHeader(bytes: Uint8Array, label: string): Promise<Metadata> {
  try {
    return await sharp(bytes, { ...LENIENT, limitInputPixels: false }).metadata()
  } catch {
    const kind = foreignKind(bytes) ?? 'it is not a picture; give a PNG, JPEG, WebP, GIF, AVIF or TIFF'
    throw new UserError(`cannot read ${label}: ${kind}`)
  }
}

function checkHeader({ format, width, height }: Metadata, label: string): void {
  if (format === 'svg') {
    throw new UserError(`cannot read ${label}: SVG drawings are not read; export it as PNG at the size you want`)
  }
  checkImageSize(width, height, label)
}
