import type { Frames } from '../media/frames.js'

const SIDE = 224

/**
 * Frames as the Frechet Video Distance gives them to I3D: resized to 224x224 bilinearly (`align_corners` false, no
 * antialiasing) as 0 .. 255, then 2x/255 - 1.
 *
 * @returns (3, f, 224, 224)
 */
export function i3dInput({ width, height, count, data }: Frames): Float32Array {
  const out = new Float32Array(3 * count * SIDE * SIDE)
  const columns = neighbours(width)
  const rows = neighbours(height)
  for (let f = 0; f < count; f++)
    for (const [y, [top, bottom, down]] of rows.entries())
      for (const [x, [left, right, across]] of columns.entries())
        for (let c = 0; c < 3; c++) {
          const at = (row: number, column: number) => data[3 * ((f * height + row) * width + column) + c]!
          const above = at(top, left) * (1 - across) + at(top, right) * across
          const below = at(bottom, left) * (1 - across) + at(bottom, right) * across
          out[((c * count + f) * SIDE + y) * SIDE + x] = (2 * (above * (1 - down) + below * down)) / 255 - 1
        }
  return out
}

/** For each of 224 places: the pixels on both sides in an axis of `length`, and the share of the second. */
function neighbours(length: number): [first: number, second: number, share: number][] {
  return Array.from({ length: SIDE }, (_, i) => {
    const place = Math.max(0, ((i + 0.5) * length) / SIDE - 0.5)
    const first = Math.min(length - 1, Math.floor(place))
    return [first, Math.min(length - 1, first + 1), place - first]
  })
}
