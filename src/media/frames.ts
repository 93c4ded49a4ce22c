/** Pictures of one size in a row: `data` is 8-bit RGB in order (count, height, width, 3). */
export interface Frames {
  readonly width: number
  readonly height: number
  readonly count: number
  readonly data: Uint8Array
}

/**
 * Pictures of one size in a row, with transparency: `data` is 8-bit red, green, blue and opacity in order (count,
 * height, width, 4). The colours are premultiplied: none is above the opacity.
 */
export interface RgbaFrames {
  readonly width: number
  readonly height: number
  readonly count: number
  readonly data: Uint8Array
}

/** One picture: `data` is 8-bit RGB in order (height, width, 3), on white where it is transparent. */
export interface Picture {
  readonly width: number
  readonly height: number
  readonly data: Uint8Array
  /** Opacity of each pixel, 0 to 255, (height, width); left out where all is opaque. */
  readonly alpha?: Uint8Array | undefined
}

/** Picture `index` of a row, as a view of its bytes; with `alpha`, (count, height, width), it has its opacity. */
export function frameAt({ width, height, count, data }: Frames, index: number, alpha?: Uint8Array): Picture {
  if (!(index >= 0 && index < count)) throw new RangeError(`frame ${index} of a clip of ${count}`)
  const pixels = width * height
  const rgb = data.subarray(index * pixels * 3, (index + 1) * pixels * 3)
  return { width, height, data: rgb, ...(alpha && { alpha: alpha.subarray(index * pixels, (index + 1) * pixels) }) }
}
