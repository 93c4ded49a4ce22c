import { philox } from '../runtime/philox.js'

const TWO_32 = 2 ** 32
const NORM = /(^|\.)(\w*norm\w*|pre_layrnorm)\.(weight|bias)$/
const BLENDER = /(^|\.)mix_factor$/

/**
 * Random values of a network's parameter: matrices and kernels uniform and of variance 1/(fan in), so that signals keep
 * their size on the way; norms near the identity, biases and blenders small. None of them is zero, so that every
 * parameter matters to the result. They depend on (seed, index) alone.
 *
 * @param index which parameter of the network it is, from 0
 * @param seed a whole number below 2^53
 */
export function randomWeights(name: string, shape: readonly number[], seed: number, index: number): Float32Array {
  const size = shape.reduce((product, n) => product * n, 1)
  if (NORM.test(name)) return uniforms(size, seed, index, name.endsWith('weight') ? 1 : 0, 0.1)
  if (BLENDER.test(name) || name.endsWith('bias')) return uniforms(size, seed, index, 0, 0.1)
  const fanIn = shape.length < 2 ? size : size / shape[0]!
  return uniforms(size, seed, index, 0, Math.sqrt(3 / fanIn))
}

/** `size` numbers, uniform within `bound` of `middle`, from four words a block of Philox. */
function uniforms(size: number, seed: number, index: number, middle: number, bound: number): Float32Array {
  const values = new Float32Array(size)
  const key = Uint32Array.of(seed % TWO_32, Math.floor(seed / TWO_32))
  const words = new Uint32Array(4)
  const scale = (2 * bound) / TWO_32
  for (let i = 0; i < size; i += 4) {
    words[0] = i / 4
    words[1] = index
    words[2] = 0
    words[3] = 0
    philox(words, key, words)
    for (let j = 0; j < 4 && i + j < size; j++) values[i + j] = middle - bound + words[j]! * scale
  }
  return values
}
