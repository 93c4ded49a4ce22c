import type { Frames } from './frames.js'

/** RGBA of frames: (count, height, width, 4). */
export function withAlpha({ data }: Pick<Frames, 'data'>, alpha?: Uint8Array): Uint8Array<ArrayBuffer> {
  const rgba = new Uint8Array((data.length / 3) * 4)
  for (let from = 0, to = 0, pixel = 0; from < data.length; from += 3, to += 4, pixel++) {
    rgba[to] = data[from]!
    rgba[to + 1] = data[from + 1]!
    rgba[to + 2] = data[from + 2]!
    rgba[to + 3] = alpha ? alpha[pixel]! : 255
  }
  return rgba
}
