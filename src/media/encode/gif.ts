import { commentOf, shownFrames, type ClipContent } from '../clip.js'
import { frameAt } from '../frames.js'

/** Red, green, blue, and with `rgba4444` opacity, of each colour. */
export type Palette = number[][]

/** How finely colours are told apart, and whether opacity is. */
type PaletteFormat = 'rgb565' | 'rgba4444'

/** The part of the package gifenc that is used, which comes without types. */
export interface Gifenc {
  GIFEncoder(): {
    writeFrame(indices: Uint8Array, width: number, height: number, options: FrameOptions): void
    finish(): void
    bytes(): Uint8Array
    readonly stream: { writeBytes(bytes: readonly number[]): void }
  }
  quantize(rgba: Uint8Array, maxColors: number, options?: { format: PaletteFormat }): Palette
  applyPalette(rgba: Uint8Array, palette: Palette, format?: PaletteFormat): Uint8Array
}

interface FrameOptions {
  palette: Palette
  /** Milliseconds, rounded to hundredths of a second. */
  delay: number
  transparent: boolean
  transparentIndex: number
  /** 1 leaves the frame on screen below the next, 2 clears it. */
  dispose: number
}

/** What may be told to the encoders whose palettes are made here. */
export interface PaletteOptions {
  /** Opacity of each pixel, 0 to 255, (count, height, width): in a GIF, at least half is opaque. Default: all opaque. */
  readonly alpha?: Uint8Array | undefined
  /** Colours of each frame, 2 to 255. Default: 255. */
  readonly colours?: number | undefined
}

/**
 * A GIF that plays for ever, with a palette of 255 colours for each frame, which comes about 1 dB nearer to the frames
 * than one palette for all. The 256th colour is "as before": a pixel takes it where the colour already on screen is no
 * further from the true one than the palette's nearest, which gains another dB and calms what stands still. With `alpha`
 * it is "nothing" instead, and each frame is drawn anew.
 *
 * @param gifenc the package of that name
 * @param pause waits a moment, so that an abort comes through
 */
export async function encodeGifWith(
  gifenc: Gifenc,
  clip: ClipContent,
  { alpha, colours = 255 }: PaletteOptions,
  pause: () => Promise<unknown>,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const { width, height } = clip.frames
  const encoder = gifenc.GIFEncoder()
  const screen = new Uint8Array(width * height * 3)
  // Browsers show a frame of one hundredth of a second for ten.
  for (const { index, ticks } of shownFrames(clip, 100, 2)) {
    signal?.throwIfAborted()
    const rgb = frameAt(clip.frames, index).data
    const rgba = withAlpha(rgb)
    const palette = gifenc.quantize(rgba, colours)
    const indices = gifenc.applyPalette(rgba, palette)
    const transparentIndex = palette.length
    const opacity = alpha?.subarray(index * width * height, (index + 1) * width * height)
    if (opacity) clear(indices, opacity, transparentIndex)
    else paint(screen, rgb, indices, palette, index === 0 ? undefined : transparentIndex)
    encoder.writeFrame(indices, width, height, {
      palette: [...palette, [0, 0, 0]],
      delay: ticks * 10,
      transparent: index > 0 || opacity !== undefined,
      transparentIndex,
      dispose: opacity ? 2 : 1,
    })
    await pause()
  }
  writeComment(encoder.stream, commentOf(clip))
  encoder.finish()
  return encoder.bytes()
}

/** Exchanges the index of each pixel that is less than half opaque for `nothing`. */
function clear(indices: Uint8Array, opacity: Uint8Array, nothing: number): void {
  for (let pixel = 0; pixel < indices.length; pixel++) if (opacity[pixel]! < 128) indices[pixel] = nothing
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
