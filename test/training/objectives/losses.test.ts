import { describe, expect, it } from 'vitest'
import { gradients } from '../../../src/graph/gradients.js'
import { lower } from '../../../src/graph/lower.js'
import { add, div, input, mul, reshape, slice, square, sub, sum } from '../../../src/graph/ops/index.js'
import { type Tensor } from '../../../src/graph/tensor.js'
import { nodeEngine } from '../../../src/runtime/engine.node.js'
import { Random } from '../../../src/runtime/random.js'
import { gradientPenalty, hingeFake, hingeReal, meanLogit } from '../../../src/training/objectives/discriminator.js'
import { diffuse, preconditioning } from '../../../src/training/objectives/denoiser.js'
import { pseudoHuber } from '../../../src/training/objectives/denoiser.js'
import { readFixture, readJson, relativeError, tensorOf } from '../../support/fixture.js'

interface Config {
  huber: { loss: number[] }
  hinge: { loss_d: number; loss_d_real: number; loss_d_fake: number; loss_g: number }
  precond: Record<'sigma' | 'c_skip' | 'c_out' | 'c_in' | 'c_noise', number[]>
}

const LIMIT = 1e-6
const config = readJson<Config>('losses/config.json')
const tensors = readFixture('losses/case.safetensors.gz')
const engine = nodeEngine({ threads: 1 })
const values = (name: string) => tensorOf(tensors, name).data as Float32Array

/** A graph input in the shape of a tensor of the fixture, which is what it is fed with. */
const from = (name: string): Tensor => input(name, tensorOf(tensors, name).shape)

/** Evaluates a graph on the tensors of the fixture that its inputs are named for, and on `feeds`. */
async function evaluate(outputs: Record<string, Tensor>, feeds: Record<string, Float32Array> = {}) {
  const graph = lower(outputs, { training: true })
  const program = await engine.load(graph)
  try {
    return await program.run(Object.fromEntries(graph.inputs.map(({ name }) => [name, feeds[name] ?? values(name)])))
  } finally {
    await program.dispose()
  }
}

describe('the pseudo-Huber loss', () => {
  const [a, b] = [from('huber.a'), from('huber.b')]
  const samples = config.huber.loss.length

  it('is the reference of every sample', async () => {
    const each = config.huber.loss.map((_, i) => pseudoHuber(slice(a, 0, i, i + 1), slice(b, 0, i, i + 1)))
    const result = await evaluate(Object.fromEntries(each.map((loss, i) => [`loss${i}`, loss])))
    config.huber.loss.forEach((expected, i) => {
      // The fixture's latents are rounded to float32: sample 1, whose a and b nearly agree, is of the size of that.
      const limit = expected < 1e-3 ? LIMIT : LIMIT * expected
      expect(Math.abs(result[`loss${i}`]![0]! - expected)).toBeLessThan(limit)
    })
  })

  it('is the mean over samples, with the gradient of the reference, also where a = b', async () => {
    const loss = pseudoHuber(a, b)
    const result = await evaluate({ loss, gradient: gradients(mul(loss, samples), [a])[0]! })
    const mean = config.huber.loss.reduce((x, y) => x + y) / samples
    expect(Math.abs(result.loss![0]! / mean - 1)).toBeLessThan(LIMIT)
    const row = result.gradient!.length / samples
    for (let i = 0; i < samples; i++) {
      const window = [i * row, (i + 1) * row] as const
      expect(
        relativeError(result.gradient!.subarray(...window), values('huber.grad_a').subarray(...window)),
      ).toBeLessThan(LIMIT)
    }
    expect([...result.gradient!.subarray(0, row)]).toEqual(Array(row).fill(0))
  })
})

describe('the gradient penalty R1', () => {
  const [videos, frames, channels, height, width] = [2, 3, 4, 3, 2]
  const sigma = input('sigma', [videos])
  const noisy = input('noisy', [videos, frames, channels, height, width])
  const sumOfSquares = (x: Float32Array) => x.reduce((total, value) => total + value * value, 0)
  const random = new Random(1)
  const feeds = { noisy: random.normals(noisy.size), sigma: Float32Array.of(0.3, 2.27) }

  it('on the input of the heads is the closed form of heads that are quadratic and linear', async () => {
    const features = reshape(noisy, [videos * frames, channels, height, width])
    // Logits sum_c F_c^2, whose gradient is 2 F, and 3 sum_c F_c, whose gradient is 3 in every one of the channels.
    const logits = [sum(square(features), { axes: [1] }), mul(sum(features, { axes: [1] }), 3)]
    const penalty = gradientPenalty({ logits, features: [features, features], noisy, sigma }, 'heads')
    const { r1 } = await evaluate({ r1: penalty }, feeds)
    const positions = videos * frames * height * width
    expect(r1![0]).toBeCloseTo(((4 * sumOfSquares(feeds.noisy)) / positions + 9 * channels) / 2, 4)
  })

  it("on the discriminator's input is the closed form by c_in x, through what makes the features", async () => {
    const features = reshape(mul(noisy, 2), [videos * frames, channels, height, width])
    const logits = [sum(square(features), { axes: [1] }), sum(features, { axes: [1] })]
    const penalty = gradientPenalty({ logits, features: [features, features], noisy, sigma }, 'input')
    const { r1 } = await evaluate({ r1: penalty }, feeds)
    // D = mean over positions of (4 |x|^2 + 2 sum x)/2: N |(4 x + 1)/N|^2/c_in^2, the mean over videos.
    const positions = frames * height * width
    const row = feeds.noisy.length / videos
    const expected = [0, 1].map((video) => {
      const gradient = feeds.noisy.subarray(video * row, (video + 1) * row).map((x) => 4 * x + 1)
      return (sumOfSquares(gradient) / positions) * (feeds.sigma[video]! ** 2 + 1)
    })
    expect(r1![0]! / ((expected[0]! + expected[1]!) / 2)).toBeCloseTo(1, 5)
  })
})

describe('the hinge losses', () => {
  const [real, fake] = [from('hinge.d_real'), from('hinge.d_fake')]

  it('push real logits down to -1 and fake ones up to +1, as the reference', async () => {
    const [lossReal, lossFake] = [hingeReal([real]), hingeFake([fake])]
    const loss = add(lossReal, lossFake)
    const [byReal, byFake] = gradients(loss, [real, fake]) as [Tensor, Tensor]
    const result = await evaluate({ loss, lossReal, lossFake, byReal, byFake })
    expect(Math.abs(result.loss![0]! / config.hinge.loss_d - 1)).toBeLessThan(LIMIT)
    expect(Math.abs(result.lossReal![0]! / config.hinge.loss_d_real - 1)).toBeLessThan(LIMIT)
    expect(Math.abs(result.lossFake![0]! / config.hinge.loss_d_fake - 1)).toBeLessThan(LIMIT)
    expect(relativeError(result.byReal!, values('hinge.loss_d.grad_real'))).toBeLessThan(LIMIT)
    expect(relativeError(result.byFake!, values('hinge.loss_d.grad_fake'))).toBeLessThan(LIMIT)
    expect(Math.min(...result.byReal!)).toBeGreaterThanOrEqual(0)
    expect(Math.max(...result.byFake!)).toBeLessThanOrEqual(0)
  })

  it('let the generator lower the logits of its fakes, as the reference', async () => {
    const loss = meanLogit([fake])
    const result = await evaluate({ loss, gradient: gradients(loss, [fake])[0]! })
    expect(Math.abs(result.loss![0]! / config.hinge.loss_g - 1)).toBeLessThan(LIMIT)
    expect(relativeError(result.gradient!, values('hinge.loss_g.grad_fake'))).toBeLessThan(LIMIT)
    expect(Math.min(...result.gradient!)).toBeGreaterThan(0)
  })

  it('weigh every head the same, however many logits it has', async () => {
    const heads = [input('few', [2]), input('many', [4])]
    const outputs = { mean: meanLogit(heads), real: hingeReal(heads), fake: hingeFake(heads) }
    const result = await evaluate(outputs, { few: Float32Array.of(1, 3), many: Float32Array.of(-1, -2, -3, -2) })
    expect(result.mean![0]).toBe((2 - 2) / 2)
    expect(result.real![0]).toBe((3 + 0) / 2)
    expect(result.fake![0]).toBe((0 + 3) / 2)
  })
})

describe('EDM preconditioning in a graph', () => {
  it('has the factors of the reference from sigma 0.002 to 700', async () => {
    const { sigma } = config.precond
    const factors = preconditioning(input('levels', [sigma.length]))
    const result = await evaluate({ ...factors }, { levels: Float32Array.from(sigma) })
    const { c_skip: cSkip, c_out: cOut, c_in: cIn, c_noise: cNoise } = config.precond
    for (const [name, expected] of Object.entries({ cSkip, cOut, cIn }))
      expected.forEach((value, i) => expect(Math.abs(result[name]![i]! / value - 1)).toBeLessThan(LIMIT))
    expect(relativeError(result.cNoise!, cNoise)).toBeLessThan(LIMIT)
  })

  it('diffuses, scales, denoises and aims as the reference', async () => {
    const sigma = from('edm.sigma')
    const { cSkip, cOut, cIn } = preconditioning(sigma)
    const [x0, noise, given] = [from('edm.x0'), from('edm.eps'), from('edm.x_t')]
    const output = from('edm.model_output')
    const diffused = diffuse(x0, noise, sigma)
    const result = await evaluate({
      x_t: diffused,
      model_input: mul(given, cIn),
      denoised: add(mul(given, cSkip), mul(output, cOut)),
      // What denoisingLoss aims at, free of the cancellation in (x0 - c_skip x_t) / c_out.
      target_v: add(mul(noise, cIn), mul(x0, cOut)),
    })
    const samples = sigma.size
    for (const [name, actual] of Object.entries(result)) {
      const row = actual.length / samples
      for (let i = 0; i < samples; i++) {
        const window = [i * row, (i + 1) * row] as const
        const expected = values(`edm.${name}`).subarray(...window)
        expect(relativeError(actual.subarray(...window), expected), `${name} ${i}`).toBeLessThan(LIMIT)
      }
    }
  })

  it('aims where the definition of the v-target does', async () => {
    const sigma = input('levels', [1])
    const { cSkip, cOut, cIn } = preconditioning(sigma)
    const [x0, noise] = [input('x0', [1, 1, 1, 1, 6]), input('noise', [1, 1, 1, 1, 6])]
    const defined = div(sub(x0, mul(diffuse(x0, noise, sigma), cSkip)), cOut)
    const aimed = add(mul(noise, cIn), mul(x0, cOut))
    const feeds = { x0: Float32Array.of(1, -2, 3, 0, 0.5, -1), noise: Float32Array.of(0.3, 1, -1, 2, 0, -0.7) }
    const result = await evaluate({ defined, aimed }, { ...feeds, levels: Float32Array.of(1.5) })
    expect(relativeError(result.aimed!, result.defined!)).toBeLessThan(LIMIT)
  })
})
