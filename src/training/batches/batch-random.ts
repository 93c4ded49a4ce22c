import { type Group } from '../../runtime/group.js'
import { Random } from '../../runtime/random.js'

/**
 * The random numbers of this process's samples in a step: sample i of the whole batch has a stream of its own, named by
 * the seed, the step and i. So a batch is the same however many processes share it.
 *
 * @param batch samples of one process
 */
export function batchRandom(seed: number, step: number, batch: number, { rank }: Group): Random[] {
  return Array.from({ length: batch }, (_, i) => new Random(seed, `step ${step} sample ${rank * batch + i}`))
}

/** `size` unit Gaussian values for each sample, one sample after another. */
export function normals(random: readonly Random[], size: number): Float32Array {
  const values = new Float32Array(random.length * size)
  random.forEach((sample, i) => values.set(sample.normals(size), i * size))
  return values
}

/** One number for each sample, by a law. */
export function each(random: readonly Random[], law: (random: Random) => number): Float32Array {
  return Float32Array.from(random, law)
}
