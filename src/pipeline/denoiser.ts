import { applyGuidance, type Denoise } from '../diffusion/index.js'
import type { Program } from '../runtime/program.js'

/** What the UNet is told about one clip. */
export interface Condition {
  /** (projection): the picture's CLIP embedding. */
  readonly embedding: Float32Array
  /** (c, h, w): the VAE's mean of the noisy picture, unscaled. */
  readonly imageLatents: Float32Array
  /** (3): fps - 1, motion bucket, noise augmentation strength. */
  readonly addedTimeIds: Float32Array
}

/**
 * The UNet on one clip as a function of its latents (f, c, h, w). With `scales` the program has a batch of two: the
 * unconditional clip, whose embedding and image latents are zero, then the conditional one.
 *
 * @param program a UNet of `Networks`, its batch 1, or 2 with `scales`
 * @param scales (f): guidance scale of each frame; none for no guidance
 */
export function denoiser(program: Program, condition: Condition, scales?: Float32Array): Denoise {
  const [batch, frames] = program.inputs.find(({ name }) => name === 'sample')!.shape as [number, number]
  const last = batch - 1
  const context = new Float32Array(batch * condition.embedding.length)
  context.set(condition.embedding, last * condition.embedding.length)
  const addedTimeIds = Float32Array.from({ length: batch * 3 }, (_, i) => condition.addedTimeIds[i % 3]!)
  const size = condition.imageLatents.length
  const sample = new Float32Array(batch * frames * 2 * size)
  for (let frame = 0; frame < frames; frame++)
    sample.set(condition.imageLatents, ((last * frames + frame) * 2 + 1) * size)

  return async (input, _sigma, cNoise) => {
    for (let i = 0; i < batch * frames; i++) {
      const frame = i % frames
      sample.set(input.subarray(frame * size, (frame + 1) * size), i * 2 * size)
    }
    const timestep = new Float32Array(batch).fill(cNoise)
    const { output } = await program.run({ sample, timestep, context, addedTimeIds })
    if (!scales) return output!
    return applyGuidance(output!.subarray(0, input.length), output!.subarray(input.length), scales)
  }
}
