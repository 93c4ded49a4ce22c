import { createRequire } from 'node:module'
import { setImmediate } from 'node:timers/promises'
import { commentOf, frameDurations, type ClipContent } from '../clip.js'
import { frameAt } from '../frames.js'

// Loaders disagree about what this CommonJS package, which has no types, exports by default.
const require = createRequire(import.meta.url)
const gifenc = require('gifenc') as Gifenc

type Palette = [number, number, number][]

interface Gifenc {
  GIFEncoder(): {
    writeFrame(indices: Uint8Array, width: number, height: number, options: FrameOptions): void
    finish(): void
    bytes(): Uint8Array
    readonly stream: { writeBytes(bytes: readonly number[]): void }
  }
  quantize(rgba: Uint8Array, maxColors: number): Palette
  applyPalette(rgba: Uint8Array, palette: Palette): Uint8Array
}

interface FrameOptions {
  palette: Palette
  /** Milliseconds, rounded to hundredths of a second. */
  delay: number
  transparent: boolean
  transparentIndex: number
  /** 1 leaves the frame on screen below the next. */
  dispose: number
}

/**
 * A GIF that plays for ever, with a palette of 255 colours for each frame, which comes about 1 dB nearer to the frames
 * than one palette for all. The 256th colour is "as before": a pixel takes it where the colour already on screen is no
 * further from the true one than the palette's nearest, which gains another dB and calms what stands still.
 */
export async function encodeGif(clip: ClipContent, signal?: AbortSignal): Promise<Uint8Array> {
  const { width, height, count } = clip.frames
  const encoder = gifenc.GIFEncoder()
  const hundredths = frameDurations(clip, 100)
  const screen = new Uint8Array(width * height * 3)
  for (let index = 0; index < count; index++) {
    signal?.throwIfAborted()
    const rgb = frameAt(clip.frames, index).data
    const rgba = withAlpha(rgb)
    const palette = gifenc.quantize(rgba, 255)
    const indices = gifenc.applyPalette(rgba, palette)
    const transparentIndex = palette.length
    paint(screen, rgb, indices, palette, index === 0 ? undefined : transparentIndex)
    encoder.writeFrame(indices, width, height, {
      palette: [...palette, [0, 0, 0]],
      // Browsers show a frame of one hundredth for ten.
      delay: Math.max(2, hundredths[index] ?? 2) * 10,
      transparent: index > 0,
      transparentIndex,
      dispose: 1,
    })
    await setImmediate() // Lets an abort come through.
  }
  writeComment(encoder.stream, commentOf(clip))
  encoder.finish()
  return encoder.bytes()
}

/** Draws a frame onto the screen, after exchanging each index that the screen serves as well for `keep`. */
function paint(
  screen: Uint8Array,
  rgb: Uint8Array,
  indices: Uint8Array,
  palette: Palette,
  keep: number | undefined,
): void {
  for (let pixel = 0, at = 0; pixel < indices.length; pixel++, at += 3) {
    const colour = palette[indices[pixel] ?? 0] ?? [0, 0, 0]
    if (keep !== undefined && distance(rgb, at, screen, at) <= distance(rgb, at, colour, 0)) indices[pixel] = keep
    else screen.set(colour, at)
  }
}

function distance(a: ArrayLike<number>, aAt: number, b: ArrayLike<number>, bAt: number): number {
  let sum = 0
  for (let channel = 0; channel < 3; channel++) sum += ((a[aAt + channel] ?? 0) - (b[bAt + channel] ?? 0)) ** 2
  return sum
}

function withAlpha(rgb: Uint8Array): Uint8Array {
  const rgba = new Uint8Array((rgb.length / 3) * 4).fill(255)
  for (let from = 0, to = 0; from < rgb.length; to++) {
    for (let channel = 0; channel < 3; channel++) rgba[to++] = rgb[from++] ?? 0
  }
  return rgba
}

/** A comment extension (GIF89a, 24): blocks of at most 255 bytes, each behind its length. */
function writeComment(stream: { writeBytes(bytes: readonly number[]): void }, text: string): void {
  if (text === '') return
  stream.writeBytes([0x21, 0xfe])
  for (let at = 0; at < text.length; at += 255) {
    const block = Array.from(text.slice(at, at + 255), (letter) => letter.charCodeAt(0))
    stream.writeBytes([block.length, ...block])
  }
  stream.writeBytes([0])
}
