import { zipSync } from 'fflate'
import * as gifenc from 'gifenc'
import type { ClipContent } from './clip.js'
import { commentOf } from './clip.js'
import { assembleApng } from './encode/apng.js'
import { encodeGifWith, type Gifenc } from './encode/gif.js'
import { commentChunks, writePngChunks, type PngChunk } from './encode/png-chunks.js'
import { encodeIndices, encodePixels } from './encode/png-pixels.js'
import { encodeVideo } from './encode/video.web.js'
import { encodeWebp } from './encode/webp.web.js'
import { fitBytes, type ExportSettings, type Quality } from './export-settings.js'
import { frameAt, type Frames } from './frames.js'
import { unmixWhite, whiteAlpha } from './key-white.js'
import { resizeLanczos } from './lanczos.js'
import { withAlpha } from './pixels.web.js'

/** A clip ready to be encoded: where `alpha` is there, the frames are the figure's own colours. */
export interface Cut extends ClipContent {
  /** Opacity of each pixel, 0 to 255, (count, height, width). */
  readonly alpha?: Uint8Array | undefined
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

const TYPES = {
  mp4: 'video/mp4',
  webm: 'video/webm',
  webp: 'image/webp',
  gif: 'image/gif',
  apng: 'image/apng',
  png: 'application/zip',
} as const

/**
 * Makes the file of a clip.
 *
 * @throws UserError when the browser has no encoder for the format, or the file cannot be made as small as it must be.
 */
export async function exportClip(clip: ClipContent, settings: ExportSettings, signal?: AbortSignal): Promise<Exported> {
  const { format, size, limit } = settings
  const transparent = settings.transparent === true && format !== 'mp4'
  const alpha = transparent ? whiteAlpha(clip.frames) : undefined
  const longer = Math.max(clip.frames.width, clip.frames.height)
  let made: Cut = clip
  const encode = async (quality: Quality) => {
    signal?.throwIfAborted()
    const thinned = everyNth(clip, alpha, quality.every)
    made = scaled(thinned, ((size ?? longer) / longer) * quality.scale)
    return (await encodeAs(format, made, quality, signal)) as Uint8Array<ArrayBuffer>
  }
  const { bytes, quality } = await fitBytes(encode, limit)
  const { width, height, count } = made.frames
  return { bytes, type: TYPES[format], quality, width, height, frames: count }
}

function encodeAs(format: ExportSettings['format'], cut: Cut, quality: Quality, signal?: AbortSignal) {
  switch (format) {
    case 'mp4':
    case 'webm':
      return encodeVideo(cut, format, quality.lossy, signal)
    case 'webp':
      return encodeWebp(cut, quality.lossy, signal)
    case 'gif':
      return encodeGifWith(library, cut, { alpha: cut.alpha, colours: quality.colours }, pause, signal)
    case 'apng':
      return Promise.resolve(assembleApng(cut, picturesOf(cut, quality.colours)))
    case 'png':
      return Promise.resolve(zipOf(cut, quality.colours))
  }
}

const library = gifenc as unknown as Gifenc

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve))
}

function zipOf(cut: Cut, colours?: number): Uint8Array {
  const comment = commentChunks(commentOf(cut))
  const files = picturesOf(cut, colours).map(([header, ...rest], index) => [
    `frame-${String(index).padStart(2, '0')}.png`,
    writePngChunks([header!, ...comment, ...rest]),
  ])
  // PNG is compressed already.
  return zipSync(Object.fromEntries(files) as Record<string, Uint8Array>, { level: 0 })
}

/** Each frame as a PNG: all colours, or one palette for all frames. */
function picturesOf({ frames, alpha }: Cut, colours?: number): PngChunk[][] {
  const { width, height, count } = frames
  const pixels = alpha ? withAlpha(frames, alpha) : frames.data
  const stride = pixels.length / count
  const parts = Array.from({ length: count }, (_, i) => pixels.subarray(i * stride, (i + 1) * stride))
  if (colours === undefined) return parts.map((part) => encodePixels(width, height, part))
  const rgba = alpha ? pixels : withAlpha(frames)
  const kind = alpha ? 'rgba4444' : 'rgb565'
  const palette = library.quantize(rgba, colours, { format: kind })
  const indices = library.applyPalette(rgba, palette, kind)
  const size = width * height
  return parts.map((_, i) => encodeIndices(width, height, indices.subarray(i * size, (i + 1) * size), palette))
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
