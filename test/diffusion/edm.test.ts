import { describe, expect, it } from 'vitest'
import { denoised, lossWeight, precondition } from '../../src/diffusion/edm.js'
import { readFixture, readJson, relativeError, tensorOf } from '../support/fixture.js'

type Column = 'sigma' | 'c_skip' | 'c_out' | 'c_in' | 'c_noise' | 'weight_v'

const { precond } = readJson<{ precond: Record<Column, number[]> }>('losses/config.json')
const tensors = readFixture('losses/case.safetensors.gz')
const floats = (name: string): Float32Array => Float32Array.from(tensorOf(tensors, `edm.${name}`).data)

/** A (4, ...) tensor of the fixture, one row per noise level. */
function rows(name: string): Float32Array[] {
  const data = floats(name)
  return Array.from({ length: 4 }, (_, i) => data.subarray((i * data.length) / 4, ((i + 1) * data.length) / 4))
}

const flat = (list: Float32Array[]): number[] => list.flatMap((row) => [...row])

describe('EDM preconditioning', () => {
  it('has the factors of the reference in doubles', () => {
    const factors = precond.sigma.map(precondition)
    const columns = [
      [factors.map(({ cSkip }) => cSkip), precond.c_skip],
      [factors.map(({ cOut }) => cOut), precond.c_out],
      [factors.map(({ cIn }) => cIn), precond.c_in],
      [factors.map(({ cNoise }) => cNoise), precond.c_noise],
      [precond.sigma.map(lossWeight), precond.weight_v],
    ] as const
    for (const [actual, expected] of columns) {
      expected.forEach((value, i) => expect(Math.abs(actual[i]! / value - 1)).toBeLessThan(1e-14))
    }
  })

  it('scales the network input as the reference', () => {
    const sigmas = floats('sigma')
    const scaled = rows('x_t').map((x, i) => x.map((value) => precondition(sigmas[i]!).cIn * value))
    expect(relativeError(flat(scaled), floats('model_input'))).toBeLessThan(1e-6)
  })

  it('denoises as the reference', () => {
    const sigmas = floats('sigma')
    const outputs = rows('model_output')
    const clean = rows('x_t').map((x, i) => denoised(x, outputs[i]!, sigmas[i]!))
    expect(relativeError(flat(clean), floats('denoised'))).toBeLessThan(1e-6)
  })

  it('gives back the clean latents for the v-target', () => {
    const sigmas = floats('sigma')
    const targets = rows('target_v')
    const x0 = rows('x0')
    rows('x_t').forEach((x, i) => {
      const sigma = sigmas[i]!
      // x_t was rounded to float32 at its own size, sigma.
      expect(relativeError(denoised(x, targets[i]!, sigma), x0[i]!)).toBeLessThan(1e-6 * Math.max(1, sigma))
    })
  })

  it('refuses a model output of another size', () => {
    expect(() => denoised(new Float32Array(4), new Float32Array(3), 1)).toThrow('4 values, a model output of 3')
  })
})
