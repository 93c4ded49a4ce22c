import type { Picture } from '../frames.js'

/** A side of a picture as 4:2:0 needs it: even. */
export function evenSide(side: number): number {
  return side + (side % 2)
}

/**
 * A picture as planar YUV 4:2:0, BT.601 in limited range (ITU-R BT.601-7, 2.5): luma (height, width), then both chroma
 * planes at half the size, each sample the mean of a 2x2 block. Odd sides grow by one, the last column or row repeated.
 */
export function rgbToYuv420({ width, height, data }: Picture): Uint8Array {
  const [evenWidth, evenHeight] = [evenSide(width), evenSide(height)]
  const area = evenWidth * evenHeight
  const yuv = new Uint8Array(area + area / 2)
  const offset = (x: number, y: number) => (Math.min(y, height - 1) * width + Math.min(x, width - 1)) * 3
  for (let y = 0; y < evenHeight; y++) {
    for (let x = 0; x < evenWidth; x++) {
      const at = offset(x, y)
      const [r, g, b] = [data[at] ?? 0, data[at + 1] ?? 0, data[at + 2] ?? 0]
      yuv[y * evenWidth + x] = 16.5 + (65.481 * r + 128.553 * g + 24.966 * b) / 255
    }
  }
  for (let y = 0, out = area; y < evenHeight; y += 2) {
    for (let x = 0; x < evenWidth; x += 2, out++) {
      let [r, g, b] = [0, 0, 0]
      for (const at of [offset(x, y), offset(x + 1, y), offset(x, y + 1), offset(x + 1, y + 1)]) {
        r += (data[at] ?? 0) / 4
        g += (data[at + 1] ?? 0) / 4
        b += (data[at + 2] ?? 0) / 4
      }
      yuv[out] = 128.5 + (-37.797 * r - 74.203 * g + 112 * b) / 255
      yuv[out + area / 4] = 128.5 + (112 * r - 93.786 * g - 18.214 * b) / 255
    }
  }
  return yuv
}
