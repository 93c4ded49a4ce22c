import { sizeOf, type Shape } from '../../graph/tensor.js'
import { type ParameterSet } from '../../nn/weights.js'
import { Random } from '../../runtime/random.js'
import { type Layout } from './parameters.js'

/**
 * The layers of UNet and VAE that end a residual branch: at zero, every block begins as the identity. Not the image
 * encoder's: its class token would see no picture, and equal embeddings are a saddle point of the contrastive loss.
 */
const BRANCH_ENDS = /(^|\.)(conv2|proj_out|net\.2|to_out\.0|time_emb_proj)\.(weight|bias)$|^conv_out\./
/**
 * Where few channels share a group, normalising them by their own deviation takes away how strong a colour is.
 * Constants of opposite sign within a group, added by every block, become the deviation: then the norm passes the
 * signal's amplitude on, nearly linearly (docs/experiments.md). The UNet's groups are pairs of channels, the VAE's are
 * fours, of which three are lifted to where silu is nearly linear too.
 */
const SPATIAL_BRANCH_BIAS = /(^|\.)(resnets\.\d+|spatial_res_block)\.conv2\.bias$/
const OF_VAE = /^(encoder|decoder)\./
const offset = (name: string, channel: number): number =>
  OF_VAE.test(name) ? (channel % 4 === 3 ? -0.25 : 0.25) : channel % 2 === 0 ? 1 : -1
/**
 * The convolutions of the VAE outside its residual branches. They begin by carrying channel o % in to channel o, shrunk
 * or enlarged: a picture of eight times fewer pixels, in its colours, with noise on top for the channels to differ.
 * From random kernels an autoencoder finds the brightness within a minute and the colours, if at all, within an hour.
 */
const CARRIER =
  /^(quant_conv|(encoder|decoder)\.(conv_in|conv_out|.*\.(conv_shortcut|downsamplers\.0\.conv|upsamplers\.0\.conv)))\.weight$/
const CARRIER_NOISE = 0.2
/**
 * Of the VAE's posterior: noise well below the first latents, which would otherwise drown all but the brightness in it.
 */
const LOG_VARIANCE = -6
/** The decoder's plans of `AutoencoderKLWarp`: near zero, so that it begins by copying the picture where it stands. */
const PLAN = /^decoder\.head\d\.weight$/
const PLAN_SPREAD = 0.1
const NORMS = /(^|\.)(\w*norm\w*|pre_layrnorm)\.(weight|bias)$/

/**
 * First values of the parameters of a network: uniform, of variance 1/(fan in), so that a signal keeps its size on the
 * way (PyTorch's default lets it shrink to a third of its variance at every layer), norms at one, layers that end a
 * residual branch at zero, blenders halfway, opposite offsets on neighbouring channels, the VAE's carriers as said
 * above, the decoder's last convolution in time as the identity. Tensor by tensor from (seed, name), so that a
 * network's values do not depend on what else is trained.
 */
export function initialValues(set: ParameterSet, layout: Layout, seed: number): Float32Array {
  const vector = new Float32Array(layout.size)
  for (const { name, shape, offset: at, size } of layout.spans) {
    const values = vector.subarray(at, at + size)
    const random = new Random(seed, `initial ${set.prefix}${name}`)
    if (SPATIAL_BRANCH_BIAS.test(name)) values.forEach((_, i) => (values[i] = offset(name, i)))
    if (name.endsWith('mix_factor') || BRANCH_ENDS.test(name)) continue
    if (NORMS.test(name)) values.fill(name.endsWith('.weight') ? 1 : 0)
    else if (name === 'quant_conv.bias' || name === 'encoder.moments.bias') values.fill(LOG_VARIANCE, size / 2)
    else if (name === 'decoder.time_conv_out.weight') identityConvolution(shape, values)
    else if (name.includes('embedding') && !name.includes('patch') && !name.includes('linear'))
      values.set(random.normals(size).map((x) => 0.02 * x))
    else {
      const weight = name.endsWith('bias') ? set.parameters.get(name.replace(/bias$/, 'weight'))!.shape : shape
      const bound = (name.endsWith('bias') ? 1 : Math.sqrt(3)) / Math.sqrt(sizeOf(weight.slice(1)))
      const spread = CARRIER.test(name) ? CARRIER_NOISE * bound : PLAN.test(name) ? PLAN_SPREAD * bound : bound
      values.forEach((_, i) => (values[i] = (2 * random.uniform() - 1) * spread))
      if (CARRIER.test(name)) carry(shape, values, name.includes('downsamplers'))
    }
  }
  return vector
}

/** A kernel that lets every channel pass unchanged: weight (channels, channels, taps, 1, 1). */
function identityConvolution(shape: Shape, values: Float32Array): void {
  const [channels, , taps] = shape as [number, number, number]
  for (let c = 0; c < channels; c++) values[(c * channels + c) * taps + (taps >> 1)] = 1
}

/**
 * Adds to a kernel (out, in, size, size) what carries channel o % in to channel o: its middle tap, or the mean of four.
 */
function carry([out, channels, size]: Shape, values: Float32Array, shrinks: boolean): void {
  const taps = shrinks ? [0, 1, size!, size! + 1] : [(size! ** 2 - 1) / 2]
  for (let o = 0; o < out!; o++)
    for (const tap of taps) values[(o * channels! + (o % channels!)) * size! ** 2 + tap]! += 1 / taps.length
}
