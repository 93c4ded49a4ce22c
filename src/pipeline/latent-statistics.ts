/** How strong a channel of latents is: its mean, and the deviations of what is coarse and what is fine in it. */
interface Strength {
  readonly mean: number
  readonly coarse: number
  readonly fine: number
}

/** Statistics of a picture's latents, by channel. */
export type LatentStatistics = readonly Strength[]

/** The most that a deviation is raised or lowered by at once. */
const MOST = 2

/** Statistics of one picture's latents (c, height, width). */
export function statisticsOf(latents: Float32Array, height: number, width: number): LatentStatistics {
  return channelsOf(latents, height, width).map(({ mean, coarse, fine }): Strength => ({
    mean,
    coarse: deviation(coarse),
    fine: deviation(fine),
  }))
}

/**
 * Latents (c, height, width) with the statistics of another picture's: of each channel the mean, and the deviations of what is
 * coarse (means of 3x3 cells) and of what is fine (the rest). Means are the colours, what is fine is the sharpness.
 */
export function withStatistics(
  latents: Float32Array,
  wanted: LatentStatistics,
  height: number,
  width: number,
): Float32Array {
  const out = new Float32Array(latents.length)
  for (const [c, { coarse, fine }] of channelsOf(latents, height, width).entries()) {
    const target = wanted[c]!
    const [more, finer] = [gain(target.coarse, deviation(coarse)), gain(target.fine, deviation(fine))]
    for (let i = 0; i < coarse.length; i++)
      out[c * coarse.length + i] = target.mean + more * coarse[i]! + finer * fine[i]!
  }
  return out
}

function gain(wanted: number, found: number): number {
  return found === 0 ? 1 : Math.min(MOST, Math.max(1 / MOST, wanted / found))
}

function deviation(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length)
}

/** Of each channel the mean, what is coarse about it, and what is fine; both without their means. */
function channelsOf(latents: Float32Array, height: number, width: number) {
  const plane = height * width
  return Array.from({ length: latents.length / plane }, (_, c) => {
    const values = latents.subarray(c * plane, (c + 1) * plane)
    const blurred = blur(values, height, width)
    const fine = values.map((value, i) => value - blurred[i]!)
    const offset = meanOf(fine)
    const centre = meanOf(blurred)
    return {
      mean: meanOf(values),
      coarse: blurred.map((value) => value - centre),
      fine: fine.map((value) => value - offset),
    }
  })
}

function meanOf(values: Float32Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** Means of 3x3 cells; beyond an edge lies the edge. */
function blur(values: Float32Array, height: number, width: number): Float32Array {
  const at = (row: number, column: number) =>
    values[Math.min(height - 1, Math.max(0, row)) * width + Math.min(width - 1, Math.max(0, column))]!
  return values.map((_, i) => {
    const [row, column] = [Math.floor(i / width), i % width]
    let sum = 0
    for (const down of [-1, 0, 1]) for (const right of [-1, 0, 1]) sum += at(row + down, column + right)
    return sum / 9
  })
}
