import { silu, slice } from '../../graph/ops/index.js'
import { type Tensor } from '../../graph/tensor.js'
import { type Weights } from '../../nn/weights.js'
import { type Moments } from '../vae/encoder.js'
import { type WarpAutoencoderConfig } from './config.js'
import { addToFrames, attendToPicture, conv3, halve, quarterSize, residualBlocks } from './layers.js'

/**
 * Encoder of `AutoencoderKLWarp`: how frames differ from their clip's picture, as moments of latents (b f,
 * latentChannels, H / 16, W / 16). Where nothing has moved they are near zero. With a blank picture (all zeros) they
 * say what the frame itself shows: that is the condition that a denoiser is given of the picture.
 *
 * @param frames (b f, 4, H, W), premultiplied red, green, blue and alpha in [0, 1], the frames of a clip together
 * @param picture (b, 4, H, W), what each clip begins with
 */
export function warpEncoder(root: Weights, config: WarpAutoencoderConfig, frames: Tensor, picture: Tensor): Moments {
  const w = root.at('encoder')
  const [, c4, c8, c16] = config.channels as [number, number, number, number]
  const look = (pictures: Tensor) =>
    residualBlocks(w.at('look'), quarterSize(w.at('stem'), pictures, c4), config.layers[1]!)
  const [seen, known] = [look(frames), look(picture)]
  let h = addToFrames(conv3(w.at('of_frame'), silu(seen), c4), conv3(w.at('of_picture'), silu(known), c4))
  h = halve(w.at('down8'), residualBlocks(w.at('blocks4'), h, config.layers[1]!), c8)
  h = attendToPicture(w.at('attention'), h, halve(w.at('picture8'), known, c8), config.headChannels)
  h = halve(w.at('down16'), residualBlocks(w.at('blocks8'), h, config.layers[2]!), c16)
  h = residualBlocks(w.at('blocks16'), h, config.layers[3]!)
  const moments = conv3(w.at('moments'), silu(h), 2 * config.latentChannels)
  const latents = config.latentChannels
  return { mean: slice(moments, 1, 0, latents), logVariance: slice(moments, 1, latents, 2 * latents) }
}
