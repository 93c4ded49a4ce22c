import { describe, expect, it } from 'vitest'
import { lower } from '../../src/graph/lower.js'
import { constant, input, reshape } from '../../src/graph/ops/index.js'
import { type Tensor } from '../../src/graph/tensor.js'
import { crossAttention, selfAttention } from '../../src/nn/attention.js'
import { sinusoid } from '../../src/nn/embedding.js'
import { conv2d, groupNorm, layerNorm, linear, temporalConv } from '../../src/nn/layers.js'
import { resnetBlock, spatioTemporalResBlock } from '../../src/nn/resnet.js'
import { ParameterSet } from '../../src/nn/weights.js'
import { nodeEngine } from '../../src/runtime/engine.node.js'

/** The parameters that a layer records, as `name [shape]`. */
function recorded(layer: (w: ParameterSet) => unknown): string[] {
  const w = new ParameterSet()
  layer(w)
  return [...w.shapes].map(([name, shape]) => `${name} [${shape.join(',')}]`)
}

async function run(out: Tensor, feeds: Record<string, Float32Array> = {}): Promise<Float32Array> {
  const program = await nodeEngine({ threads: 1 }).load(lower({ out }))
  const results = await program.run(feeds)
  await program.dispose()
  return results.out!
}

const pictures = input('pictures', [2, 32, 4, 4])
const tokens = input('tokens', [2, 5, 32])

describe('layers have the parameters of their PyTorch classes', () => {
  it.each<[string, (w: ParameterSet) => unknown, string[]]>([
    ['Linear', (w) => linear(w, tokens, 8), ['weight [8,32]', 'bias [8]']],
    ['Linear without bias', (w) => linear(w, tokens, 8, { bias: false }), ['weight [8,32]']],
    ['Conv2d', (w) => conv2d(w, pictures, 8, 3), ['weight [8,32,3,3]', 'bias [8]']],
    ['Conv2d without bias', (w) => conv2d(w, pictures, 8, 1, { bias: false }), ['weight [8,32,1,1]']],
    ['Conv3d over time', (w) => temporalConv(w, pictures, 8), ['weight [8,32,3,1,1]', 'bias [8]']],
    ['GroupNorm', (w) => groupNorm(w, pictures, 1e-6), ['weight [32]', 'bias [32]']],
    ['LayerNorm', (w) => layerNorm(w, tokens), ['weight [32]', 'bias [32]']],
  ])('%s', (_, layer, expected) => {
    expect(recorded(layer)).toEqual(expected)
  })

  it('ResnetBlock2D has a shortcut only where channels change, a time projection only with an embedding', () => {
    const names = (out: number, embedding?: Tensor) =>
      recorded((w) => resnetBlock(w, pictures, out, { epsilon: 1e-6, embedding })).map((line) => line.split('.')[0])
    expect(names(32)).not.toContain('conv_shortcut')
    expect(names(64)).toContain('conv_shortcut')
    expect(names(32)).not.toContain('time_emb_proj')
    expect(names(32, input('embedding', [1, 128]))).toContain('time_emb_proj')
  })
})

it('sinusoid: cosines first, frequencies from 1 to 10000^(-(half-1)/half)', async () => {
  const out = await run(sinusoid(constant([0, -1.5, 7], [3]), 4))
  const expected = [0, -1.5, 7].flatMap((t) => [Math.cos(t), Math.cos(t / 100), Math.sin(t), Math.sin(t / 100)])
  expected.forEach((value, i) => expect(out[i]).toBeCloseTo(value, 6))
})

describe('attention', () => {
  it('to one token is the value alone, and queries and keys are recorded but not computed', () => {
    const w = new ParameterSet()
    const out = crossAttention(w, tokens, input('context', [2, 1, 16]), 4)
    expect([...w.parameters.keys()]).toEqual([
      'to_q.weight',
      'to_k.weight',
      'to_v.weight',
      'to_out.0.weight',
      'to_out.0.bias',
    ])
    expect(lower({ out }).inputs.map(({ name }) => name)).toEqual([
      'context',
      'to_v.weight',
      'to_out.0.weight',
      'to_out.0.bias',
    ])
  })

  it('keeps the shape of its tokens', () => {
    const rows = reshape(tokens, [10, 32])
    expect(selfAttention(new ParameterSet(), rows, 5, 4).shape).toEqual([10, 32])
    expect(crossAttention(new ParameterSet(), tokens, input('context', [2, 3, 16]), 4).shape).toEqual([2, 5, 32])
  })
})

describe('spatioTemporalResBlock', () => {
  const frames = 2
  const block = (blend: 'sigmoid-of-spatial' | 'sigmoid-of-temporal') => {
    const w = new ParameterSet()
    const options = { frames, spatialEpsilon: 1e-6, temporalEpsilon: 1e-6, blend }
    return { w, out: spatioTemporalResBlock(w, pictures, 32, options) }
  }

  it.each([
    ['sigmoid-of-spatial', 30],
    ['sigmoid-of-temporal', -30],
  ] as const)('blended by %s with a mix factor of %i is the spatial block alone', async (blend, mix) => {
    const { w, out } = block(blend)
    const spatial = resnetBlock(w.at('spatial_res_block'), pictures, 32, { epsilon: 1e-6 })
    const wave = (n: number, phase: number) => Float32Array.from({ length: n }, (_, i) => Math.sin(i * 1.7 + phase))
    const feeds = Object.fromEntries([...w.parameters].map(([name, { size }], i) => [name, wave(size, i)]))
    feeds['time_mixer.mix_factor'] = Float32Array.of(mix)
    feeds.pictures = wave(pictures.size, 0.5)
    const [blended, alone] = [await run(out, feeds), await run(spatial, feeds)]
    blended.forEach((value, i) => expect(value).toBeCloseTo(alone[i]!, 4))
  })
})
