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
  /** (f, e, h, w): what else the UNet is told (`models/controls`), where it takes anything. */
  readonly controls?: Float32Array | undefined
}

/**
 * The UNet on one clip as a function of its latents (f, c, h, w). With `scales` it runs on two clips, the unconditional
 * one, whose embedding, image latents and controls are zero, and the conditional one: together where the program has a
 * batch of two, else one after the other.
 *
 * @param program a UNet of `Networks`, its batch 1, or 2 with `scales`
 * @param scales (f): guidance scale of each frame; none for no guidance
 */
export function denoiser(program: Program, condition: Condition, scales?: Float32Array): Denoise {
  const [batch, frames] = program.inputs.find(({ name }) => name === 'sample')!.shape as [number, number]
  const size = condition.imageLatents.length
  const context = new Float32Array(batch * condition.embedding.length)
  const addedTimeIds = Float32Array.from({ length: batch * 3 }, (_, i) => condition.addedTimeIds[i % 3]!)
  const extra = (condition.controls?.length ?? 0) / frames
  const stride = 2 * size + extra
  const sample = new Float32Array(batch * frames * stride)

  /** Tells the last clip of the batch its condition, or none. */
  const tell = (conditional: boolean) => {
    const last = batch - 1
    const at = last * condition.embedding.length
    if (conditional) context.set(condition.embedding, at)
    else context.fill(0, at)
    for (let frame = 0; frame < frames; frame++) {
      const start = (last * frames + frame) * stride + size
      if (!conditional) sample.fill(0, start, start + size + extra)
      else {
        sample.set(condition.imageLatents, start)
        if (condition.controls)
          sample.set(condition.controls.subarray(frame * extra, (frame + 1) * extra), start + size)
      }
    }
  }
  const run = async (input: Float32Array, cNoise: number) => {
    for (let i = 0; i < batch * frames; i++) {
      const frame = i % frames
      sample.set(input.subarray(frame * size, (frame + 1) * size), i * stride)
    }
    const timestep = new Float32Array(batch).fill(cNoise)
    return (await program.run({ sample, timestep, context, addedTimeIds }))['output']!
  }

  tell(true)
  return async (input, _sigma, cNoise) => {
    const output = await run(input, cNoise)
    if (!scales) return output
    if (batch === 2) return applyGuidance(output.subarray(0, input.length), output.subarray(input.length), scales)
    tell(false)
    const unconditional = await run(input, cNoise)
    tell(true)
    return applyGuidance(unconditional, output, scales)
  }
}
