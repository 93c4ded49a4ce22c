import { sizeOf, type Shape } from '../graph/tensor.js'
import { type ParameterSet } from '../nn/weights.js'
import { Random } from '../runtime/random.js'

/** Where a tensor lies in a flat vector. */
export interface Span {
  readonly name: string
  readonly shape: Shape
  readonly offset: number
  readonly size: number
}

/** Names and shapes laid one after another in a vector. */
export class Layout {
  readonly spans: readonly Span[]
  readonly size: number

  constructor(shapes: Iterable<readonly [string, Shape]>) {
    let offset = 0
    this.spans = [...shapes].map(([name, shape]) => {
      const span = { name, shape, offset, size: sizeOf(shape) }
      offset += span.size
      return span
    })
    this.size = offset
  }

  /** Windows on a vector of this layout, by `prefix` and name. They share its memory. */
  views(vector: Float32Array, prefix = ''): Record<string, Float32Array> {
    return Object.fromEntries(
      this.spans.map(({ name, offset, size }) => [prefix + name, vector.subarray(offset, offset + size)]),
    )
  }

  /** The vector's tensors, to be saved. */
  *tensors(vector: Float32Array): Generator<{ name: string; shape: Shape; data: Float32Array }> {
    for (const { name, shape, offset, size } of this.spans)
      yield { name, shape, data: vector.subarray(offset, offset + size) }
  }
}

/**
 * The layers of UNet and VAE that end a residual branch: at zero, every block begins as the identity. Not the image
 * encoder's: its class token would see no picture, and equal embeddings are a saddle point of the contrastive loss.
 */
const BRANCH_ENDS = /(^|\.)(conv2|proj_out|net\.2|to_out\.0|time_emb_proj)\.(weight|bias)$|^conv_out\./
/**
 * With 64 channels a group of GroupNorm is two channels, and normalising them by their own deviation takes away how strong a
 * colour is. Opposite constants on the two, larger than the signal, become the deviation: then the norm passes the
 * signal's amplitude on, nearly linearly (docs/experiments.md).
 */
const SPATIAL_BRANCH_BIAS = /(^|\.)(resnets\.\d+|spatial_res_block)\.conv2\.bias$/
const OFFSET = 1
/** Of the VAE's posterior: noise well below the first latents, which would otherwise drown all but the brightness in it. */
const LOG_VARIANCE = -6
const NORMS = /(^|\.)(\w*norm\w*|pre_layrnorm)\.(weight|bias)$/

/**
 * First values of the parameters of a network: uniform, of variance 1/(fan in), so that a signal keeps
 * its size on the way (PyTorch's default lets it shrink to a third of its variance at every layer), norms at one, layers that
 * end a residual branch at zero, blenders halfway, opposite offsets on neighbouring channels, the decoder's last convolution in time as the identity. Tensor by tensor from (seed, name), so that a network's values do not
 * depend on what else is trained.
 */
export function initialValues(set: ParameterSet, layout: Layout, seed: number): Float32Array {
  const vector = new Float32Array(layout.size)
  for (const { name, shape, offset, size } of layout.spans) {
    const values = vector.subarray(offset, offset + size)
    const random = new Random(seed, `initial ${set.prefix}${name}`)
    if (SPATIAL_BRANCH_BIAS.test(name)) values.forEach((_, i) => (values[i] = i % 2 === 0 ? OFFSET : -OFFSET))
    if (name.endsWith('mix_factor') || BRANCH_ENDS.test(name)) continue
    if (NORMS.test(name)) values.fill(name.endsWith('.weight') ? 1 : 0)
    else if (name === 'quant_conv.bias') values.fill(LOG_VARIANCE, size / 2)
    else if (name === 'decoder.time_conv_out.weight') identityConvolution(shape, values)
    else if (name.includes('embedding') && !name.includes('patch') && !name.includes('linear'))
      values.set(random.normals(size).map((x) => 0.02 * x))
    else {
      const weight = name.endsWith('bias') ? set.parameters.get(name.replace(/bias$/, 'weight'))!.shape : shape
      const bound = (name.endsWith('bias') ? 1 : Math.sqrt(3)) / Math.sqrt(sizeOf(weight.slice(1)))
      values.forEach((_, i) => (values[i] = (2 * random.uniform() - 1) * bound))
    }
  }
  return vector
}

/** A kernel that lets every channel pass unchanged: weight (channels, channels, taps, 1, 1). */
function identityConvolution(shape: Shape, values: Float32Array): void {
  const [channels, , taps] = shape as [number, number, number]
  for (let c = 0; c < channels; c++) values[(c * channels + c) * taps + (taps >> 1)] = 1
}
