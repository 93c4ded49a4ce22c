import type { Encoded, Job } from './job.js'
import type { Model } from './model.js'
import type { NoiseSource } from './noise.js'
import type { Plan } from './plan.js'
import { concatenated } from '../runtime/concatenated.js'
import { crossFade, diffuse, loopSigma, roll, scheduleFrom, sigmaOfStrength, spreadGap } from './refine.js'
import type { CheckedEdit, CheckedSettings } from './settings.js'

/**
 * The walk from noise, or for an edit from the clip's own latents under noise. Where a seam is to be closed, a second one does:
 * what its ends differ by is spread over the clip, it is turned by half, so that its ends meet in its middle, noised a
 * little, and denoised under the frame that now comes first, so that the generator draws what lies between. Both takes are
 * cross-faded, each having all the share where the other has its seam.
 *
 * @param noise of unit variance, (f, c, h, w), that the walk begins with
 * @param draw makes what further noise is wanted, in the order in which it is
 * @returns clean latents (f, c, h, w), scaled
 */
export async function denoiseClip(
  job: Job,
  plan: Plan,
  model: Model,
  settings: CheckedSettings | CheckedEdit,
  noise: Float32Array,
  draw: NoiseSource,
  { condition, latents }: Pick<Encoded, 'condition' | 'latents'>,
): Promise<Float32Array> {
  const { scheduler } = model
  const { frames } = plan.geometry
  const { steps } = settings
  const scale = model.vaeConfig.scalingFactor
  const sigma = 'strength' in settings ? sigmaOfStrength(settings.strength, scheduler) : undefined
  const schedule = sigma === undefined ? plan.schedule : scheduleFrom(sigma, steps, scheduler)
  const start =
    sigma === undefined
      ? noise.map((value) => plan.startSigma * value)
      : diffuse(
          concatenated(latents).map((value) => scale * value),
          noise,
          sigma,
        )
  const closing = plan.loop === 'seam' ? scheduleFrom(loopSigma(scheduler), steps, scheduler) : undefined
  const first = schedule.timesteps.length
  const total = first + (closing?.timesteps.length ?? 0)
  const renoise = plan.sampler === 'consistency' ? (step: number) => draw(`renoise ${step}`, noise.length) : undefined
  const open = await job.denoise(condition, start, schedule, { done: 0, total }, renoise)
  if (!closing) return open

  const half = Math.floor(frames / 2)
  const turned = roll(spreadGap(open, frames), frames, half)
  const imageLatents = turned.slice(0, condition.imageLatents.length).map((value) => value / scale)
  // One noise for all frames: what differed from frame to frame would flicker, most where this take is seen.
  const still = draw('loop', noise.length / frames)
  const noisy = diffuse(
    turned,
    noise.map((_, i) => still[i % still.length]!),
    closing.sigmas[0]!,
  )
  const closed = await job.denoise({ ...condition, imageLatents }, noisy, closing, { done: first, total })
  return crossFade(open, roll(closed, frames, -half), frames)
}
