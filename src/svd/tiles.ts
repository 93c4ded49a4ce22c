/** How latents are cut into tiles of one size, in latent pixels. */
export interface Tiling {
  readonly height: number
  readonly width: number
}

/** Share of a tile's side by which neighbours overlap. */
const OVERLAP = 0.25

/**
 * Where tiles of size `tile` begin along an axis of `length`: evenly spread, neighbours overlapping by at least a
 * quarter.
 */
export function tileStarts(length: number, tile: number): number[] {
  if (tile >= length) return [0]
  const count = Math.ceil((length - tile) / Math.floor(tile * (1 - OVERLAP))) + 1
  return Array.from({ length: count }, (_, i) => Math.round((i * (length - tile)) / (count - 1)))
}

/**
 * (tiles, tile): how much each pixel of each tile counts; over an axis they sum to 1 at every pixel, and fall towards
 * seams.
 */
export function blendWeights(starts: readonly number[], tile: number, length: number): Float32Array[] {
  const total = new Float32Array(length)
  const weights = starts.map((start) => {
    const ramp = Float32Array.from({ length: tile }, (_, i) => {
      const fromLeft = start === 0 ? tile : i + 1
      const fromRight = start + tile === length ? tile : tile - i
      return Math.min(fromLeft, fromRight, tile * OVERLAP)
    })
    ramp.forEach((weight, i) => (total[start + i]! += weight))
    return ramp
  })
  return weights.map((ramp, t) => ramp.map((weight, i) => weight / total[starts[t]! + i]!))
}

/**
 * Decodes latents tile by tile and blends the tiles where they overlap. Norms see a tile instead of a frame, so that
 * the result is near, not equal, to that of decoding whole frames.
 *
 * @param latents (f, c, h, w)
 * @param size h and w
 * @param factor pixels per latent pixel
 * @param decode decodes a tile: (f, c, tile.height, tile.width) to (f, 3, H, W) of the tile
 * @returns (f, 3, h factor, w factor)
 */
export async function decodeTiled(
  latents: Float32Array,
  frames: number,
  size: Tiling,
  tile: Tiling,
  factor: number,
  decode: (latents: Float32Array) => Promise<Float32Array>,
): Promise<Float32Array> {
  const planes = latents.length / (size.height * size.width)
  const [width, height] = [size.width * factor, size.height * factor]
  const [tileWidth, tileHeight] = [tile.width * factor, tile.height * factor]
  const out = new Float32Array(frames * 3 * height * width)
  const rows = tileStarts(size.height, tile.height)
  const columns = tileStarts(size.width, tile.width)
  const scaled = (starts: readonly number[]) => starts.map((start) => start * factor)
  const vertical = blendWeights(scaled(rows), tileHeight, height)
  const horizontal = blendWeights(scaled(columns), tileWidth, width)
  for (const [r, top] of rows.entries()) {
    for (const [c, left] of columns.entries()) {
      const part = new Float32Array(planes * tile.height * tile.width)
      for (let plane = 0, to = 0; plane < planes; plane++)
        for (let y = 0; y < tile.height; y++, to += tile.width) {
          const from = (plane * size.height + top + y) * size.width + left
          part.set(latents.subarray(from, from + tile.width), to)
        }
      const decoded = await decode(part)
      for (let plane = 0, from = 0; plane < frames * 3; plane++)
        for (let y = 0; y < tileHeight; y++) {
          const to = (plane * height + top * factor + y) * width + left * factor
          const share = vertical[r]![y]!
          for (let x = 0; x < tileWidth; x++, from++) out[to + x]! += share * horizontal[c]![x]! * decoded[from]!
        }
    }
  }
  return out
}
