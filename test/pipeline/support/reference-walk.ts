import type { Program } from '../../../src/runtime/program.js'

/** What one run of the reference is told. */
export interface Told {
  readonly embedding: Float32Array
  readonly imageLatents: Float32Array
  readonly addedTimeIds: Float32Array
}

/** A walk as the papers write it, in doubles but for the network itself. */
export interface ReferenceWalk {
  /** A UNet of batch 1. */
  readonly unet: Program
  readonly frames: number
  readonly sigmas: readonly number[]
  readonly start: Float64Array
  readonly first: Told
  /** What the clip ends with, where two directions are fused. */
  readonly last?: Told
  /** Scale of each frame; none: no guidance. */
  readonly guidance?: readonly number[]
  /** Noise that a step is taken again with, once; none where it is not. */
  readonly again?: (step: number) => Float32Array | undefined
  /** Noise that each level is reached anew with; none for Euler's method. */
  readonly anew?: (step: number) => Float32Array
  /** What is put back after a step: the value of latent `i` at `sigma`, or none. */
  readonly put?: (i: number, sigma: number, step: number) => number | undefined
}

/** The network F on one clip, with guidance: F_u + w_n (F_c - F_u) for frame n. */
async function network(walk: ReferenceWalk, x: Float64Array, sigma: number, told: Told): Promise<Float64Array> {
  const { unet, frames, guidance } = walk
  const size = x.length / frames
  const run = async (known: boolean) => {
    const sample = new Float32Array(2 * x.length)
    for (let n = 0; n < frames; n++)
      for (let i = 0; i < size; i++) {
        sample[2 * n * size + i] = x[n * size + i]! / Math.sqrt(sigma * sigma + 1)
        sample[(2 * n + 1) * size + i] = known ? told.imageLatents[i]! : 0
      }
    const context = known ? told.embedding : new Float32Array(told.embedding.length)
    const timestep = Float32Array.of(0.25 * Math.log(sigma))
    return Float64Array.from(
      (await unet.run({ sample, timestep, context, addedTimeIds: told.addedTimeIds }))['output']!,
    )
  }
  const conditional = await run(true)
  if (!guidance) return conditional
  const plain = await run(false)
  return plain.map((value, i) => value + guidance[Math.floor(i / size)]! * (conditional[i]! - value))
}

/** D(x; sigma) = x/(sigma^2 + 1) - sigma/sqrt(sigma^2 + 1) F. */
async function clean(walk: ReferenceWalk, x: Float64Array, sigma: number, told: Told): Promise<Float64Array> {
  const f = await network(walk, x, sigma, told)
  return x.map((value, i) => value / (sigma * sigma + 1) - (sigma / Math.sqrt(sigma * sigma + 1)) * f[i]!)
}

const flip = (x: Float64Array, frames: number) => {
  const size = x.length / frames
  return x.map((_, i) => x[(frames - 1 - Math.floor(i / size)) * size + (i % size)]!)
}

/** Walks down; each direction makes a step of its own from the same latents, and the two steps are fused. */
export async function referenceWalk(walk: ReferenceWalk): Promise<Float64Array> {
  const { frames, sigmas, first, last, again, anew, put } = walk
  let x = walk.start
  const size = x.length / frames
  for (let step = 0; step + 1 < sigmas.length; step++) {
    const [sigma, next] = [sigmas[step]!, sigmas[step + 1]!]
    const advance = (from: Float64Array, d: Float64Array, noise?: Float32Array) =>
      noise
        ? d.map((value, i) => value + next * noise[i]!)
        : from.map((value, i) => value + ((next - sigma) / sigma) * (value - d[i]!))
    for (const repeated of [false, true]) {
      const extra = again?.(step)
      if (repeated && !extra) continue
      if (repeated) x = x.map((value, i) => value + Math.sqrt(sigma ** 2 - next ** 2) * extra![i]!)
      const noise = next === 0 ? undefined : anew?.(step + 1)
      const ahead = advance(x, await clean(walk, x, sigma, first), noise)
      if (last) {
        const turned = flip(x, frames)
        const own = noise && Float32Array.from(flip(Float64Array.from(noise), frames))
        const back = flip(advance(turned, await clean(walk, turned, sigma, last), own), frames)
        x = ahead.map((value, i) => {
          const share = Math.floor(i / size) / (frames - 1)
          return (1 - share) * value + share * back[i]!
        })
      } else x = ahead
      if (put) x = x.map((value, i) => put(i, next, step) ?? value)
    }
  }
  return x
}
