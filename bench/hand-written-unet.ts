import type { UNetConfig } from '../src/models/unet/index.js'
import type { Port, Shape } from '../src/runtime/program.js'
import { Graph } from './hand-written.js'

/** Weights by diffusers' names. */
export type NamedWeights = ReadonlyMap<string, { readonly shape: Shape; readonly values: Float32Array }>

const GROUPS = 32

/** Sinusoids as diffusers' `Timesteps` has them: frequencies of a width. */
const frequencies = (width: number) =>
  Float32Array.from({ length: width / 2 }, (_, i) => Math.exp((-Math.log(10000) * i) / (width / 2)))

/**
 * `UNetSpatioTemporalConditionModel` for one video, written node by node as one would export diffusers' modules for
 * ONNX Runtime: 3-D convolutions in time, group norm as instance normalisation with scale and shift, linear layers as
 * products and additions, SiLU as x sigmoid(x), the fused attention operator, blends as two products and a sum. Cross
 * attention to the one image token is its value, as its softmax is 1. Inputs: `sample`, `timestep`, `context`, `ids`;
 * output: `y`.
 */
export function handWrittenUNet(config: UNetConfig, weights: NamedWeights, inputs: readonly Port[], output: Port) {
  const writer = new UNetWriter(weights, inputs[0]!.shape)
  return writer.graph.model(inputs, writer.unet(config), output)
}

class UNetWriter {
  readonly graph = new Graph()
  readonly #named = new Set<string>()
  #embedding = ''

  constructor(
    private readonly weights: NamedWeights,
    private readonly sample: Shape,
  ) {}

  unet(config: UNetConfig): string {
    const { graph: g } = this
    const [, f, c, h, w] = this.sample as [number, number, number, number, number]
    const time = this.embed('time_embedding', this.sinusoid('timestep', 1, config.timeWidth))
    const ids = this.sinusoid(g.op('Reshape', ['ids', g.ints([3])]), 3, config.additionWidth)
    const flat = g.op('Reshape', [ids, g.ints([1, 3 * config.additionWidth])])
    this.#embedding = g.op('Add', [time, this.embed('add_embedding', flat)])

    let x = this.conv('conv_in', g.op('Reshape', ['sample', g.ints([f, c, h, w])]), 3)
    let shape = [f, config.timeWidth, h, w]
    const skips = [{ x, shape }]
    config.down.forEach((block, i) => {
      const at = `down_blocks.${i}`
      for (let layer = 0; layer < block.layers; layer++) {
        ;[x, shape] = this.resnet(`${at}.resnets.${layer}`, x, shape, block.channels, block.attention ? 1e-6 : 1e-5)
        if (block.attention) x = this.transformer(`${at}.attentions.${layer}`, x, shape, block)
        skips.push({ x, shape })
      }
      if (i === config.down.length - 1) return
      x = this.conv(`${at}.downsamplers.0.conv`, x, 3, 2)
      shape = [f, block.channels, shape[2]! / 2, shape[3]! / 2]
      skips.push({ x, shape })
    })
    ;[x, shape] = this.resnet('mid_block.resnets.0', x, shape, config.mid.channels, 1e-5)
    x = this.transformer('mid_block.attentions.0', x, shape, config.mid)
    ;[x, shape] = this.resnet('mid_block.resnets.1', x, shape, config.mid.channels, 1e-5)
    config.up.forEach((block, i) => {
      const at = `up_blocks.${i}`
      for (let layer = 0; layer < block.layers; layer++) {
        const skip = skips.pop()!
        x = g.op('Concat', [x, skip.x], { axis: 1 })
        shape = [f, shape[1]! + skip.shape[1]!, shape[2]!, shape[3]!]
        ;[x, shape] = this.resnet(`${at}.resnets.${layer}`, x, shape, block.channels, 1e-6)
        if (block.attention) x = this.transformer(`${at}.attentions.${layer}`, x, shape, block)
      }
      if (i === config.up.length - 1) return
      const scales = g.floats(Float32Array.of(1, 1, 2, 2), [4])
      const nearest = { mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' }
      x = this.conv(`${at}.upsamplers.0.conv`, g.op('Resize', [x, '', scales], nearest), 3)
      shape = [f, shape[1]!, shape[2]! * 2, shape[3]! * 2]
    })
    const out = this.conv('conv_out', this.silu(this.groupNorm('conv_norm_out', x, shape, 1e-5)), 3)
    return g.op('Reshape', [out, g.ints([1, f, config.outChannels, h, w])])
  }

  /** The weight of a name, as it is. */
  weight(name: string): string {
    const { shape, values } = this.weights.get(name)!
    if (!this.#named.has(name)) this.graph.floats(values, shape, name)
    this.#named.add(name)
    return name
  }

  /** A product with the transposed weight, as PyTorch's exporter writes it, and the bias. */
  linear(name: string, x: string): string {
    const product = this.graph.op('MatMul', [
      x,
      this.graph.op('Transpose', [this.weight(`${name}.weight`)], { perm: [1, 0] }),
    ])
    return this.weights.has(`${name}.bias`) ? this.graph.op('Add', [product, this.weight(`${name}.bias`)]) : product
  }

  conv(name: string, x: string, kernel: 1 | 3, stride = 1): string {
    const pad = kernel === 3 ? 1 : 0
    const attributes = { kernel_shape: [kernel, kernel], pads: [pad, pad, pad, pad], strides: [stride, stride] }
    return this.graph.op('Conv', [x, this.weight(`${name}.weight`), this.weight(`${name}.bias`)], attributes)
  }

  temporalConv(name: string, x: string): string {
    const attributes = { kernel_shape: [3, 1, 1], pads: [1, 0, 0, 1, 0, 0] }
    return this.graph.op('Conv', [x, this.weight(`${name}.weight`), this.weight(`${name}.bias`)], attributes)
  }

  silu(x: string): string {
    return this.graph.op('Mul', [x, this.graph.op('Sigmoid', [x])])
  }

  groupNorm(name: string, x: string, shape: Shape, epsilon: number): string {
    const { graph: g } = this
    const channels = shape[1]!
    const column = g.ints([1, channels, ...shape.slice(2).map(() => 1)])
    const grouped = g.op('Reshape', [x, g.ints([shape[0]!, GROUPS, -1])])
    const ones = g.floats(new Float32Array(GROUPS).fill(1), [GROUPS])
    const zeros = g.floats(new Float32Array(GROUPS), [GROUPS])
    const normal = g.op('InstanceNormalization', [grouped, ones, zeros], { epsilon: { float: epsilon } })
    const back = g.op('Reshape', [normal, g.ints(shape)])
    const scaled = g.op('Mul', [back, g.op('Reshape', [this.weight(`${name}.weight`), column])])
    return g.op('Add', [scaled, g.op('Reshape', [this.weight(`${name}.bias`), column])])
  }

  layerNorm(name: string, x: string): string {
    const parameters = [this.weight(`${name}.weight`), this.weight(`${name}.bias`)]
    return this.graph.op('LayerNormalization', [x, ...parameters], { axis: -1, epsilon: { float: 1e-5 } })
  }

  sinusoid(x: string, count: number, width: number): string {
    const { graph: g } = this
    const row = g.floats(frequencies(width), [1, width / 2])
    const angles = g.op('Mul', [g.op('Reshape', [x, g.ints([count, 1])]), row])
    return g.op('Concat', [g.op('Cos', [angles]), g.op('Sin', [angles])], { axis: 1 })
  }

  embed(name: string, x: string): string {
    return this.linear(`${name}.linear_2`, this.silu(this.linear(`${name}.linear_1`, x)))
  }

  /** `alpha a + (1 - alpha) b`, alpha the sigmoid of the mixer's factor. */
  blend(name: string, a: string, b: string): string {
    const { graph: g } = this
    const alpha = g.op('Sigmoid', [this.weight(`${name}.mix_factor`)])
    const beta = g.op('Sub', [g.floats(Float32Array.of(1), [1]), alpha])
    return g.op('Add', [g.op('Mul', [a, alpha]), g.op('Mul', [b, beta])])
  }

  /** `SpatioTemporalResBlock` on x (f, c, h, w). */
  resnet(name: string, x: string, shape: Shape, out: number, epsilon: number): [string, number[]] {
    const { graph: g } = this
    const [f, channels, h, w] = shape as [number, number, number, number]
    const frames = [f, out, h, w]
    const video = [1, out, f, h, w]
    const shift = (at: string, like: Shape) => {
      const projected = this.linear(`${at}.time_emb_proj`, this.silu(this.#embedding))
      return g.op('Reshape', [projected, g.ints([1, out, ...like.slice(2).map(() => 1)])])
    }
    const spatial = `${name}.spatial_res_block`
    let y = this.conv(`${spatial}.conv1`, this.silu(this.groupNorm(`${spatial}.norm1`, x, shape, epsilon)), 3)
    y = g.op('Add', [y, shift(spatial, frames)])
    y = this.conv(`${spatial}.conv2`, this.silu(this.groupNorm(`${spatial}.norm2`, y, frames, epsilon)), 3)
    const a = g.op('Add', [channels === out ? x : this.conv(`${spatial}.conv_shortcut`, x, 1), y])

    const temporal = `${name}.temporal_res_block`
    const swap = { perm: [0, 2, 1, 3, 4] }
    const inTime = g.op('Transpose', [g.op('Reshape', [a, g.ints([1, f, out, h, w])])], swap)
    y = this.temporalConv(`${temporal}.conv1`, this.silu(this.groupNorm(`${temporal}.norm1`, inTime, video, epsilon)))
    y = g.op('Add', [y, shift(temporal, video)])
    y = this.temporalConv(`${temporal}.conv2`, this.silu(this.groupNorm(`${temporal}.norm2`, y, video, epsilon)))
    const mixed = this.blend(`${name}.time_mixer`, inTime, g.op('Add', [inTime, y]))
    return [g.op('Reshape', [g.op('Transpose', [mixed], swap), g.ints(frames)]), frames]
  }

  attention(name: string, x: string, heads: number): string {
    const [q, k, v] = ['to_q', 'to_k', 'to_v'].map((part) => this.linear(`${name}.${part}`, x)) as [
      string,
      string,
      string,
    ]
    const mixed = this.graph.op('MultiHeadAttention', [q, k, v], { num_heads: heads }, 'com.microsoft')
    return this.linear(`${name}.to_out.0`, mixed)
  }

  crossAttention(name: string): string {
    return this.linear(`${name}.to_out.0`, this.linear(`${name}.to_v`, 'context'))
  }

  feedForward(name: string, x: string, channels: number): string {
    const { graph: g } = this
    const projected = this.linear(`${name}.net.0.proj`, x)
    const part = (from: number) =>
      g.op('Slice', [projected, g.ints([from * 4 * channels]), g.ints([(from + 1) * 4 * channels]), g.ints([2])])
    return this.linear(`${name}.net.2`, g.op('Mul', [part(0), g.op('Gelu', [part(1)])]))
  }

  /** `TransformerSpatioTemporalModel` on x (f, c, h, w). */
  transformer(name: string, x: string, shape: Shape, { heads, transformerLayers }: UNetConfig['mid']): string {
    const { graph: g } = this
    const [f, channels, height, width] = shape as [number, number, number, number]
    const pixels = height * width
    const add = (a: string, b: string) => g.op('Add', [a, b])
    const normal = g.op('Reshape', [this.groupNorm(`${name}.norm`, x, shape, 1e-6), g.ints([f, channels, pixels])])
    let h = this.linear(`${name}.proj_in`, g.op('Transpose', [normal], { perm: [0, 2, 1] }))
    const indices = g.floats(
      Float32Array.from({ length: f }, (_, i) => i),
      [f],
    )
    const position = this.embed(`${name}.time_pos_embed`, this.sinusoid(indices, f, channels))
    const positions = g.op('Reshape', [position, g.ints([f, 1, channels])])
    for (let layer = 0; layer < transformerLayers; layer++) {
      const spatial = `${name}.transformer_blocks.${layer}`
      h = add(h, this.attention(`${spatial}.attn1`, this.layerNorm(`${spatial}.norm1`, h), heads))
      h = add(h, this.crossAttention(`${spatial}.attn2`))
      h = add(h, this.feedForward(`${spatial}.ff`, this.layerNorm(`${spatial}.norm3`, h), channels))
      const temporal = `${name}.temporal_transformer_blocks.${layer}`
      let t = g.op('Transpose', [add(h, positions)], { perm: [1, 0, 2] })
      t = add(t, this.feedForward(`${temporal}.ff_in`, this.layerNorm(`${temporal}.norm_in`, t), channels))
      t = add(t, this.attention(`${temporal}.attn1`, this.layerNorm(`${temporal}.norm1`, t), heads))
      t = add(t, this.crossAttention(`${temporal}.attn2`))
      t = add(t, this.feedForward(`${temporal}.ff`, this.layerNorm(`${temporal}.norm3`, t), channels))
      h = this.blend(`${name}.time_mixer`, h, g.op('Transpose', [t], { perm: [1, 0, 2] }))
    }
    const out = g.op('Transpose', [this.linear(`${name}.proj_out`, h)], { perm: [0, 2, 1] })
    return add(x, g.op('Reshape', [out, g.ints(shape)]))
  }
}
