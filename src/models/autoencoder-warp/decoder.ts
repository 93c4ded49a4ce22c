import { add, mul, reshape, silu, slice, softmax, sum, transpose, upsampleNearest } from '../../graph/ops/index.js'
import { dim, type Tensor } from '../../graph/tensor.js'
import { conv2d } from '../../nn/layers.js'
import { averagePool, bilinearCorners, depthToSpace, upsampleBilinear, warp } from '../../nn/warp.js'
import { type Weights } from '../../nn/weights.js'
import { type WarpAutoencoderConfig } from './config.js'
import { addToFrames, attendToPicture, channels, conv3, pyramid, residualBlocks } from './layers.js'

/** What the decoder makes. */
export interface WarpedFrames {
  /** (b f, 4, H, W), premultiplied, about [0, 1], not clamped. */
  readonly frames: Tensor
  /** The same at a quarter of the size, before details: what a training loss holds the coarse flows to. */
  readonly coarse: Tensor
}

/**
 * Channels of a plan for pixels: flows, how much each of them counts and how much none does, paint that is laid over.
 */
const planChannels = (hypotheses: number): number => 2 * hypotheses + hypotheses + 1 + 4

/**
 * Decoder of `AutoencoderKLWarp`: for every pixel the latents say from where in the picture it comes (`hypotheses`
 * flows, each bilinear, so that outlines and print stay the picture's own), how much of that counts, and what to paint
 * over it. Paint is added, not blended: a share of its own would fall to nothing before the paint has learned anything.
 * Flows are found at a quarter of the size first, then corrected at the whole. Frames do not see each other.
 *
 * @param latents (b f, latentChannels, H / 16, W / 16), divided by the scaling factor, the frames of a clip together
 * @param picture (b, 4, H, W), premultiplied, in [0, 1]
 */
export function warpDecoder(
  root: Weights,
  config: WarpAutoencoderConfig,
  latents: Tensor,
  picture: Tensor,
): WarpedFrames {
  const w = root.at('decoder')
  const [c2, c4, c8, c16] = config.channels as [number, number, number, number]
  const [blocks2, blocks4, blocks8, blocks16] = config.layers as [number, number, number, number]
  const { hypotheses } = config
  const known = pyramid(w.at('picture'), picture, config.channels)

  let h = addToFrames(conv3(w.at('of_latents'), latents, c16), known.sixteenth)
  h = residualBlocks(w.at('blocks16'), h, blocks16)
  h = addToFrames(conv3(w.at('up8'), upsampleNearest(silu(h), 2), c8), known.eighth)
  h = attendToPicture(w.at('attention'), h, known.eighth, config.headChannels)
  h = residualBlocks(w.at('blocks8'), h, blocks8)
  h = conv3(w.at('up4'), upsampleNearest(silu(h), 2), c4)

  const plan4 = conv3(w.at('head4'), silu(h), planChannels(hypotheses))
  const small = averagePool(picture, 4)
  const coarse = compose(small, plan4, hypotheses)
  const features = imagesOf(warp(bilinearCorners(known.quarter), slice(plan4, 1, 0, 2)), h)
  h = add(h, conv3(w.at('fuse4'), channels(silu(h), features, coarse), c4))
  h = residualBlocks(w.at('blocks4'), h, blocks4)

  const narrow = upsampleNearest(conv2d(w.at('narrow'), silu(h), c2, 1), 2)
  const plan2 = upsampleBilinear(enlarged(plan4, hypotheses, 2), 2)
  h = conv3(w.at('fuse2'), channels(narrow, compose(averagePool(picture, 2), plan2, hypotheses)), c2)
  h = residualBlocks(w.at('blocks2'), h, blocks2)

  const details = depthToSpace(conv3(w.at('head2'), silu(h), 4 * planChannels(hypotheses)), 2)
  const plan = add(upsampleBilinear(enlarged(plan2, hypotheses, 2), 2), details)
  return { frames: compose(picture, plan, hypotheses), coarse }
}

/** A plan for a grid `factor` times as fine: its flows are that many times as long. */
function enlarged(plan: Tensor, hypotheses: number, factor: number): Tensor {
  const flows = 2 * hypotheses
  return channels(mul(slice(plan, 1, 0, flows), factor), slice(plan, 1, flows, dim(plan, 1)))
}

/** Carries out a plan (b f, planChannels, h, w) on pictures (b, 4, h, w) of its size: (b f, 4, h, w). */
function compose(picture: Tensor, plan: Tensor, hypotheses: number): Tensor {
  const [n, , height, width] = plan.shape as [number, number, number, number]
  const pixels = height * width
  const flows = 2 * hypotheses
  const flow = reshape(slice(plan, 1, 0, flows), [n * hypotheses, 2, height, width])
  const fetched = reshape(warp(bilinearCorners(picture), flow), [n, hypotheses, pixels, 4])
  const last = (from: number, to: number) =>
    transpose(reshape(slice(plan, 1, from, to), [n, to - from, pixels]), [0, 2, 1])
  const counts = transpose(softmax(last(flows, flows + hypotheses + 1)), [0, 2, 1])
  const share = (from: number, to: number) => reshape(slice(counts, 1, from, to), [n, to - from, pixels, 1])
  const paint = last(flows + hypotheses + 1, dim(plan, 1))
  const copied = sum(mul(fetched, share(0, hypotheses)), { axes: [1] })
  return imagesOf(add(copied, paint), plan)
}

/** Pixels (n, h w, c) as images (n, c, h, w), in the size of another. */
function imagesOf(pixels: Tensor, { shape: [, , height, width] }: Tensor): Tensor {
  const [n, , c] = pixels.shape as [number, number, number]
  return reshape(transpose(pixels, [0, 2, 1]), [n, c, height!, width!])
}
