import { readFile } from 'node:fs/promises'
import { extname } from 'node:path'
import sharp from 'sharp'
import { UserError } from '../errors.js'
import { decodeVideo } from './ffmpeg.node.js'
import type { Frames } from './frames.js'
import { framesOnScreen } from './resample.js'
import type { Size } from './resize.js'

/** A clip read from a file. */
export interface DecodedClip {
  readonly frames: Frames
  /** How long each frame stays on screen, in milliseconds. */
  readonly durationsMs: readonly number[]
  /** Opacity of each pixel, 0 to 255, in order (count, height, width); absent where the source has no transparency. */
  readonly alpha?: Uint8Array
}

/** Takes a clip at another rate and size, so that a long file is never held in memory at its own. */
export interface Sampling {
  /** Pictures per second. */
  readonly fps: number
  /** What the middle of each picture, in this aspect ratio, is scaled to, in pixels. */
  readonly size: Size
  /** A moving clip too short for this many pictures is played again until they are there. */
  readonly minFrames: number
}

/** What `decodeClip` may be told. */
export interface DecodeOptions {
  /** Red, green, blue (0 to 255) behind transparent pixels; white unless told. */
  readonly background?: readonly [number, number, number]
  /** The file's own frames and size unless told. */
  readonly sampling?: Sampling
}

const PICTURES = new Set(['.webp', '.gif', '.png', '.jpg', '.jpeg', '.avif', '.tif', '.tiff'])
const VIDEOS = new Set(['.mp4', '.webm', '.mov', '.mkv', '.m4v', '.avi'])
const WHITE = [255, 255, 255] as const

/** Whether `decodeClip` reads files of this name. */
export function isClipName(path: string): boolean {
  const extension = extname(path).toLowerCase()
  return PICTURES.has(extension) || VIDEOS.has(extension)
}

/**
 * Reads an animated WebP or GIF, a still picture (one frame), or a video (through the `ffmpeg` on PATH), laid onto the
 * background colour.
 *
 * @throws UserError when the file cannot be read, is none of these, or is a video and there is no ffmpeg.
 */
export async function decodeClip(path: string, options: DecodeOptions = {}): Promise<DecodedClip> {
  const extension = extname(path).toLowerCase()
  if (VIDEOS.has(extension)) return decodeVideo(path, options.sampling)
  if (!PICTURES.has(extension)) {
    throw new UserError(
      `cannot read ${path}: its name ends in none of ${[...PICTURES, ...VIDEOS].join(' ')}; convert it to one of these`,
    )
  }
  let bytes: Uint8Array
  try {
    bytes = await readFile(path)
  } catch (error) {
    throw new UserError(`cannot read ${path}: ${(error as Error).message}; give the path of a clip or picture`)
  }
  return decodePicture(bytes, path, options)
}

/**
 * Like `decodeClip`, for the bytes of a WebP, GIF or other picture; `name` stands in messages.
 *
 * @throws UserError when the bytes are no picture.
 */
export async function decodePicture(
  bytes: Uint8Array,
  name: string,
  { background = WHITE, sampling }: DecodeOptions = {},
): Promise<DecodedClip> {
  const source = await readRgba(bytes, name)
  if (!sampling) return flatten(source.pages, source.width, source.height, source.durationsMs, background)
  const { fps, size, minFrames } = sampling
  const shown = framesOnScreen(source.durationsMs, fps, minFrames)
  const scaled = new Map<number, Uint8Array>()
  for (const index of new Set(shown)) {
    const raw = { width: source.width, height: source.height, channels: 4 as const }
    const page = sharp(source.pages[index], { raw }).resize({ ...size, fit: 'cover', kernel: 'lanczos3' })
    scaled.set(index, await page.raw().toBuffer())
  }
  const pages = shown.map((index) => scaled.get(index) as Uint8Array)
  const durationsMs = source.durationsMs.length > 1 ? shown.map(() => 1000 / fps) : source.durationsMs
  return flatten(pages, size.width, size.height, durationsMs, background)
}

interface RgbaPages {
  readonly width: number
  readonly height: number
  /** One (height, width, 4) picture each, not premultiplied. */
  readonly pages: readonly Uint8Array[]
  readonly durationsMs: readonly number[]
}

async function readRgba(bytes: Uint8Array, name: string): Promise<RgbaPages> {
  try {
    const image = sharp(bytes, { animated: true })
    const { delay, format } = await image.metadata()
    const still = format !== 'webp' && format !== 'gif'
    const pixels = (still ? image.autoOrient() : image).toColourspace('srgb').ensureAlpha().raw()
    const { data, info } = await pixels.toBuffer({ resolveWithObject: true })
    const height = info.pageHeight ?? info.height
    const count = info.height / height
    const stride = info.width * height * 4
    return {
      width: info.width,
      height,
      pages: Array.from({ length: count }, (_, i) => data.subarray(i * stride, (i + 1) * stride)),
      // Browsers show a frame that asks for 10 ms or less for 100 ms, and files are made to look right there.
      durationsMs: Array.from({ length: count }, (_, i) => ((delay?.[i] ?? 0) <= 10 ? 100 : (delay?.[i] ?? 100))),
    }
  } catch (error) {
    const reason = (error as Error).message.split('\n')[0]
    throw new UserError(`cannot read ${name} as a picture: ${reason}; give a whole PNG, JPEG, WebP or GIF`)
  }
}

function flatten(
  pages: readonly Uint8Array[],
  width: number,
  height: number,
  durationsMs: readonly number[],
  background: readonly [number, number, number],
): DecodedClip {
  const pixels = width * height
  const data = new Uint8Array(pages.length * pixels * 3)
  const alpha = new Uint8Array(pages.length * pixels)
  let opaque = true
  pages.forEach((page, index) => {
    for (let i = 0, at = index * pixels; i < pixels; i++, at++) {
      const a = page[i * 4 + 3] ?? 255
      alpha[at] = a
      if (a < 255) opaque = false
      for (let c = 0; c < 3; c++) {
        data[at * 3 + c] = ((page[i * 4 + c] ?? 0) * a + (background[c] ?? 255) * (255 - a)) / 255 + 0.5
      }
    }
  })
  const frames = { width, height, count: pages.length, data }
  return opaque ? { frames, durationsMs } : { frames, durationsMs, alpha }
}
