import { zipSync } from 'fflate'
import { commentOf, type ClipContent } from './clip.js'
import { assembleApng } from './encode/apng.js'
import { encodeGifWith, type Gifenc } from './encode/gif.js'
import { commentChunks, writePngChunks, type PngChunk } from './encode/png-chunks.js'
import { indexPixels } from './encode/palette.js'
import { encodeIndices } from './encode/png-pixels.js'
import { checkExport, type ExportSettings } from './export-settings.js'
import { fitBytes, type ExportWork, type Quality } from './fit-bytes.js'
import { frameAt, type Frames } from './frames.js'
import { unmixWhite, whiteAlpha } from './key-white.js'
import { resizeLanczos } from './lanczos.js'
import { withAlpha } from './rgba.js'

/** A clip ready to be encoded: where `alpha` is there, the frames are the figure's own colours. */
export type Cut = ClipContent

/** What a platform encodes with. */
export interface Encoders {
  readonly gifenc: Gifenc
  /** Waits a moment, so that an abort comes through. */
  readonly pause: () => Promise<unknown>
  /** The chunks of a PNG of (height, width, 3 or 4). */
  readonly png: (width: number, height: number, pixels: Uint8Array) => Promise<PngChunk[]>
  /** An animated WebP of a quality from 0 to 1. */
  readonly webp: (cut: Cut, quality: number, signal?: AbortSignal) => Promise<Uint8Array>
  /** A video of a quality from 0 to 1. */
  readonly video: (cut: Cut, format: 'mp4' | 'webm', quality: number, signal?: AbortSignal) => Promise<Uint8Array>
  /** Formats that cannot keep transparency here: clips lie on white in them. */
  readonly opaque: readonly ExportSettings['format'][]
}

/** A file, and what was given up for its size. */
export interface Exported {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly type: string
  readonly quality: Quality
  readonly width: number
  readonly height: number
  readonly frames: number
}

/** What a worker is told of a clip to save. */
export interface ExportRequest {
  readonly clip: ClipContent
  readonly settings: ExportSettings
}

const TYPES = {
  mp4: 'video/mp4',
  webm: 'video/webm',
  webp: 'image/webp',
  gif: 'image/gif',
  apng: 'image/apng',
  png: 'application/zip',
} as const

/**
 * Makes the file of a clip. Where the clip has transparency, or is to be cut out of its white background, so has the file.
 *
 * @throws UserError when a setting is wrong, there is no encoder for the format, or the file cannot be made as small as it must
 *   be.
 */
export async function exportWith(
  encoders: Encoders,
  clip: ClipContent,
  settings: ExportSettings,
  { signal, onProgress }: ExportWork = {},
): Promise<Exported> {
  checkExport(settings, encoders.opaque)
  const { format, size, exactSize, limit, transparent } = settings
  const own = transparent === false || encoders.opaque.includes(format) ? undefined : clip.alpha
  const alpha = own ?? (transparent ? whiteAlpha(clip.frames) : undefined)
  const longer = Math.max(clip.frames.width, clip.frames.height)
  let made: Cut = clip
  const encode = async (quality: Quality) => {
    signal?.throwIfAborted()
    const thinned = everyNth(clip, alpha, quality.every)
    made = scaled(thinned, ((size ?? longer) / longer) * quality.scale)
    return (await encodeAs(encoders, format, made, quality, signal)) as Uint8Array<ArrayBuffer>
  }
  const { bytes, quality } = await fitBytes(encode, { limit, exactSize }, onProgress)
  const { width, height, count } = made.frames
  return { bytes, type: TYPES[format], quality, width, height, frames: count }
}

async function encodeAs(
  encoders: Encoders,
  format: ExportSettings['format'],
  cut: Cut,
  quality: Quality,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const { gifenc, pause } = encoders
  switch (format) {
    case 'mp4':
    case 'webm':
      return encoders.video(cut, format, quality.lossy, signal)
    case 'webp':
      return encoders.webp(cut, quality.lossy, signal)
    case 'gif':
      return encodeGifWith(gifenc, cut, { alpha: cut.alpha, colours: quality.colours }, pause, signal)
    case 'apng':
      return assembleApng(cut, await picturesOf(encoders, cut, quality.colours, signal))
    case 'png':
      return zipOf(cut, await picturesOf(encoders, cut, quality.colours, signal))
  }
}

function zipOf(cut: Cut, pictures: readonly PngChunk[][]): Uint8Array {
  const comment = commentChunks(commentOf(cut))
  const files = pictures.map(([header, ...rest], index) => [
    `frame-${String(index).padStart(2, '0')}.png`,
    writePngChunks([header!, ...comment, ...rest]),
  ])
  // PNG is compressed already.
  // The earliest time that a zip can hold: the same clip gives the same bytes.
  return zipSync(Object.fromEntries(files) as Record<string, Uint8Array>, { level: 0, mtime: '1980-01-01T12:00' })
}

/** Each frame as a PNG: all colours, or one palette for all frames. */
async function picturesOf(
  { png, gifenc, pause }: Encoders,
  { frames, alpha }: Cut,
  colours: number | undefined,
  signal?: AbortSignal,
): Promise<PngChunk[][]> {
  const { width, height, count } = frames
  const rgba = alpha || colours !== undefined ? withAlpha(frames, alpha) : undefined
  const pictures: PngChunk[][] = []
  if (colours === undefined) {
    const pixels = rgba ?? frames.data
    const stride = pixels.length / count
    for (let i = 0; i < count; i++) {
      signal?.throwIfAborted()
      pictures.push(await png(width, height, pixels.subarray(i * stride, (i + 1) * stride)))
      await pause()
    }
    return pictures
  }
  const { indices, palette } = indexPixels(gifenc, rgba!, colours)
  const size = width * height
  for (let i = 0; i < count; i++) {
    pictures.push(encodeIndices(width, height, indices.subarray(i * size, (i + 1) * size), palette))
  }
  return pictures
}

/** Every nth frame, the rate as much lower: the clip takes as long as before. */
function everyNth({ frames, fps, metadata }: ClipContent, alpha: Uint8Array | undefined, n: number): Cut {
  if (n === 1) return { frames, fps, metadata, alpha }
  const { width, height } = frames
  const kept = Array.from({ length: Math.ceil(frames.count / n) }, (_, i) => i * n)
  const data = new Uint8Array(kept.length * width * height * 3)
  const opacity = alpha && new Uint8Array(kept.length * width * height)
  for (const [i, index] of kept.entries()) {
    data.set(frameAt(frames, index).data, i * width * height * 3)
    opacity?.set(alpha!.subarray(index * width * height, (index + 1) * width * height), i * width * height)
  }
  return { frames: { width, height, count: kept.length, data }, fps: fps / n, metadata, alpha: opacity }
}

function scaled({ frames, fps, metadata, alpha }: Cut, factor: number): Cut {
  const side = (length: number) => Math.max(2, 2 * Math.round((length * factor) / 2))
  const [width, height] = [side(frames.width), side(frames.height)]
  const sized = factor === 1 ? frames : resizeLanczos(frames, width, height)
  if (!alpha) return { frames: sized, fps, metadata }
  const opacity = factor === 1 ? alpha : scaleAlpha(frames, alpha, width, height)
  return { frames: unmixWhite(sized, opacity), fps, metadata, alpha: opacity }
}

/** Opacity scaled as the pictures are. */
function scaleAlpha({ width, height, count }: Frames, alpha: Uint8Array, toWidth: number, toHeight: number) {
  const grey = new Uint8Array(alpha.length * 3)
  alpha.forEach((value, i) => grey.fill(value, i * 3, i * 3 + 3))
  const { data } = resizeLanczos({ width, height, count, data: grey }, toWidth, toHeight)
  return Uint8Array.from({ length: data.length / 3 }, (_, i) => data[i * 3]!)
}
