import { holdTo, type Held } from './hold.js'
import type { Encoded, Job } from './job.js'
import type { Model } from './model.js'
import type { NoiseSource } from './noise.js'
import type { Plan } from './plan.js'
import { diffuse, scheduleFrom, sigmaOfStrength } from './refine.js'
import type { CheckedEdit, CheckedSettings } from './settings.js'

/** What a walk is told and knows. */
export interface Known extends Pick<Encoded, 'condition' | 'backward'> {
  /** Latents of a clip that it begins with under noise, scaled, (f, c, h, w); none: it begins with noise. */
  readonly clip?: Float32Array | undefined
  /** What it is held to; the later ones come above the earlier ones. */
  readonly held: readonly Held[]
}

/**
 * The walk from noise, or from a clip under noise: one to edit, or a rough one to follow.
 *
 * @param noise of unit variance, (f, c, h, w), that the walk begins with
 * @param draw makes what further noise is wanted, in the order in which it is
 * @returns clean latents (f, c, h, w), scaled
 */
export function denoiseClip(
  job: Job,
  plan: Plan,
  { scheduler }: Model,
  settings: CheckedSettings | CheckedEdit,
  noise: Float32Array,
  draw: NoiseSource,
  { condition, backward, clip, held }: Known,
): Promise<Float32Array> {
  const { frames } = plan.geometry
  const schedule =
    'strength' in settings
      ? scheduleFrom(sigmaOfStrength(settings.strength, scheduler), settings.steps, scheduler)
      : plan.schedule
  const start = clip ? diffuse(clip, noise, schedule.sigmas[0]!) : noise.map((value) => plan.startSigma * value)
  const anew = plan.sampler === 'consistency' || schedule.renoising !== undefined
  const holds = held.map((each) => holdTo(each, noise, frames))
  return job.denoise(condition, start, schedule, {
    backward,
    renoise: anew ? (step) => draw(`renoise ${step}`, noise.length) : undefined,
    hold: (...after) => holds.forEach((hold) => hold(...after)),
    resample:
      plan.resampled > 0
        ? { steps: plan.resampled, times: 1, noise: (step) => draw(`resample ${step}`, noise.length) }
        : undefined,
  })
}
