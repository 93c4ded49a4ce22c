import { add, input, mean, mul, square, sub } from '../../graph/ops/index.js'
import { type UNetConfig } from '../../models/unet/index.js'
import { type Weights } from '../../nn/weights.js'
import { type LossGraph } from '../gradient-program.js'
import { conditionInputs, predict, type LatentBatch } from './denoiser.js'
import { diffuse, preconditioning } from './edm.js'

/**
 * EDM denoising score matching, the teacher's objective: E[ lambda(s) |D(x_0 + s e; s, c) - x_0|^2 ] with lambda = (s^2
 * + 1)/s^2 (sigma_data = 1). That is the plain squared error of the network's output F against (x_0 - c_skip x_t)/c_out
 * = c_in e - s c_in x_0, the v-target. Inputs: `latents` (b, f, c, h, w), scaled; `noise` of the same shape; `sigma`
 * (b); `imageLatents`, `context`, `addedTimeIds`.
 */
export function denoisingLoss(w: Weights, config: UNetConfig, batch: LatentBatch): LossGraph {
  const shape = [batch.videos, batch.frames, config.outChannels, batch.height, batch.width]
  const latents = input('latents', shape)
  const noise = input('noise', shape)
  const sigma = input('sigma', [batch.videos])
  const noisy = diffuse(latents, noise, sigma)
  const { cSkip, cOut, cIn } = preconditioning(sigma)
  const output = predict(w, config, noisy, sigma, conditionInputs(config, batch))
  const target = add(mul(noise, cIn), mul(latents, cOut))
  const denoised = add(mul(noisy, cSkip), mul(output, cOut))
  return {
    loss: mean(square(sub(output, target))),
    metrics: { x0Error: mean(square(sub(denoised, latents))) },
    outputs: { denoised },
  }
}
