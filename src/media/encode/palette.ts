import type { Gifenc, Palette } from './gif.js'

/** Pixels as places in a palette. */
export interface Indexed {
  /** Into the palette, one a pixel. */
  readonly indices: Uint8Array
  /** Red, green, blue, opacity of each colour, 0 to 255. */
  readonly palette: Palette
}

/** The share of a palette that soft edges get beside what is opaque. */
const SOFT_SHARE = 0.25

/**
 * One palette for pixels with opacity. What is fully transparent and what is fully opaque stays so: each has colours of its
 * own, which are never mixed with those of soft edges. A mixture would tint what should show nothing.
 *
 * @param rgba (n, 4)
 * @param colours the most colours, 4 to 256
 */
export function indexPixels(gifenc: Gifenc, rgba: Uint8Array, colours: number): Indexed {
  const indices = new Uint8Array(rgba.length / 4)
  const palette: Palette = []
  const [clear, soft, opaque]: [number[], number[], number[]] = [[], [], []]
  for (let pixel = 0; pixel < indices.length; pixel++) {
    const opacity = rgba[4 * pixel + 3]!
    ;(opacity === 0 ? clear : opacity === 255 ? opaque : soft).push(pixel)
  }
  if (clear.length > 0) {
    for (const pixel of clear) indices[pixel] = palette.length
    palette.push([0, 0, 0, 0])
  }
  const left = colours - palette.length
  const forSoft = opaque.length === 0 ? left : Math.max(1, Math.round(left * SOFT_SHARE))
  for (const [pixels, format, most] of [
    [soft, 'rgba4444', forSoft],
    [opaque, 'rgb565', soft.length === 0 ? left : left - forSoft],
  ] as const) {
    if (pixels.length === 0) continue
    const part = new Uint8Array(4 * pixels.length)
    pixels.forEach((pixel, i) => part.set(rgba.subarray(4 * pixel, 4 * pixel + 4), 4 * i))
    const own = gifenc.quantize(part, most, { format })
    const places = gifenc.applyPalette(part, own, format)
    pixels.forEach((pixel, i) => (indices[pixel] = palette.length + places[i]!))
    palette.push(...own.map(([r, g, b, a]) => [r!, g!, b!, format === 'rgb565' ? 255 : a!]))
  }
  return { indices, palette }
}
