import { baseName } from '../runtime/program.js'
import { forwardsOf, type Plan } from './plan.js'
import type { CheckedEdit, CheckedSettings } from './settings.js'

/** What a saved clip tells about its making: enough to make it again. */
export function describeClip(
  settings: CheckedSettings | CheckedEdit,
  plan: Plan,
  seed: number,
  path: string,
): Record<string, string> {
  const { steps, noiseAug, fit, loop } = settings
  const motions = 'motions' in settings ? settings.motions : []
  return {
    software: 'sfv',
    model: baseName(path),
    seed: `${seed}`,
    ...(settings.generator === 'sfv' ? {} : { generator: settings.generator }),
    network: plan.component,
    steps: `${steps}`,
    ...('strength' in settings ? {} : { forwards: `${forwardsOf(plan, plan.schedule.timesteps.length)}` }),
    ...(plan.sampler === 'euler' ? {} : { sampler: plan.sampler }),
    frames: `${plan.geometry.frames - (plan.loop ? 1 : 0)}`,
    size: `${plan.geometry.width}x${plan.geometry.height}`,
    fps: `${settings.fps}`,
    motion: `${plan.motion}`,
    noiseAug: `${noiseAug}`,
    fit,
    ...(plan.guidance ? { guidance: `${settings.minGuidance}:${plan.maxGuidance}` } : {}),
    ...('strength' in settings ? { strength: `${settings.strength}` } : {}),
    ...(settings.guide === 'auto' ? {} : { guide: settings.guide }),
    ...(settings.decodeChunk === undefined ? {} : { decodeChunk: `${settings.decodeChunk}` }),
    ...(settings.alpha === undefined ? {} : { alpha: settings.alpha }),
    ...(loop ? { loop: 'true' } : {}),
    ...(motions.length > 0 ? { motions: JSON.stringify(motions) } : {}),
  }
}
