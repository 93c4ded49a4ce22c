import { UserError } from '../errors.js'
import type { SchedulerConfig, SigmaRange } from './schedule.js'

/** The scheduler of Stable Video Diffusion, and what a file without a class is taken for. */
const EULER = 'EulerDiscreteScheduler'

/** The scheduler that AnimateLCM's consistency models of Stable Video Diffusion come with. */
const CONSISTENCY = 'AnimateLCMSVDStochasticIterativeScheduler'

/**
 * Fields that do not influence Karras sigmas between explicit bounds at continuous timesteps: what describes the betas
 * that other schedules derive their sigmas from, and left-overs of other classes that published files carry.
 */
const WITHOUT_INFLUENCE = new Set([
  'beta_end',
  'beta_schedule',
  'beta_start',
  'clip_sample',
  'interpolation_type',
  'num_train_timesteps',
  'rescale_betas_zero_snr',
  'set_alpha_to_one',
  'skip_prk_steps',
  'steps_offset',
  'trained_betas',
])

/** Fields with one value that is supported, and what their class takes where the field is absent. */
type Only = Readonly<Record<string, { readonly value: unknown; readonly absent: unknown }>>

const EULER_ONLY: Only = {
  final_sigmas_type: { value: 'zero', absent: 'zero' },
  prediction_type: { value: 'v_prediction', absent: 'epsilon' },
  timestep_type: { value: 'continuous', absent: 'discrete' },
  use_beta_sigmas: { value: false, absent: false },
  use_exponential_sigmas: { value: false, absent: false },
  use_karras_sigmas: { value: true, absent: false },
}

const CONSISTENCY_ONLY: Only = {
  clip_denoised: { value: false, absent: true },
  s_noise: { value: 1, absent: 1 },
  sigma_data: { value: 1, absent: 0.5 },
}

const SPACINGS = ['leading', 'linspace', 'trailing'] as const

/**
 * Reads the configuration of diffusers' `EulerDiscreteScheduler`, or of AnimateLCM's scheduler for Stable Video
 * Diffusion: every field is honoured, known to have no influence, or refused by name. Fields that start with `_` are
 * notes of the library that wrote the file.
 *
 * @param json the parsed file
 * @param file its name, for messages
 * @throws UserError naming the file, the field and what is supported.
 */
export function parseSchedulerConfig(json: unknown, file: string): SchedulerConfig {
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new UserError(`${file}: is not a JSON object; expected the configuration of an ${EULER}`)
  const fields = json as Record<string, unknown>
  const className = fields._class_name ?? EULER
  if (className === CONSISTENCY) return parseConsistency(fields, file)
  if (className !== EULER) throw refuse(file, '_class_name', className, `use ${EULER} or ${CONSISTENCY}`)
  checkFields(fields, EULER_ONLY, new Set([...WITHOUT_INFLUENCE, 'timestep_spacing']), file)
  const spacing = fields.timestep_spacing ?? 'linspace'
  const timestepSpacing = SPACINGS.find((known) => known === spacing)
  if (!timestepSpacing) throw refuse(file, 'timestep_spacing', spacing, `use one of ${SPACINGS.join(', ')}`)
  return { ...sigmaRange(fields, file), timestepSpacing }
}

function parseConsistency(fields: Record<string, unknown>, file: string): SchedulerConfig {
  checkFields(fields, CONSISTENCY_ONLY, new Set(['num_train_timesteps', 'rho']), file)
  const { num_train_timesteps: levels = 40, rho = 7 } = fields
  if (!Number.isSafeInteger(levels) || (levels as number) < 2)
    throw refuse(file, 'num_train_timesteps', levels, 'give a whole number of at least 2')
  if (typeof rho !== 'number' || rho <= 0) throw refuse(file, 'rho', rho, 'give a number above 0')
  return { ...sigmaRange(fields, file), timestepSpacing: 'linspace', consistency: { levels: levels as number, rho } }
}

function checkFields(fields: Record<string, unknown>, only: Only, others: ReadonlySet<string>, file: string): void {
  const honoured = new Set(['sigma_min', 'sigma_max', ...Object.keys(only)])
  for (const name of Object.keys(fields)) {
    if (!name.startsWith('_') && !others.has(name) && !honoured.has(name))
      throw new UserError(`${file}: field ${name} is not one that is supported; remove it`)
  }
  for (const [name, { value, absent }] of Object.entries(only)) {
    const found = name in fields ? fields[name] : absent
    if (found !== value) throw refuse(file, name, found, `only ${JSON.stringify(value)} is supported`)
  }
}

function sigmaRange(fields: Record<string, unknown>, file: string): SigmaRange {
  const sigmaMin = sigma(fields, 'sigma_min', file)
  const sigmaMax = sigma(fields, 'sigma_max', file)
  if (sigmaMin >= sigmaMax) throw refuse(file, 'sigma_min', sigmaMin, `choose one below sigma_max (${sigmaMax})`)
  return { sigmaMin, sigmaMax }
}

function sigma(fields: Record<string, unknown>, name: string, file: string): number {
  const value = fields[name]
  if (typeof value !== 'number' || value <= 0) throw refuse(file, name, value ?? null, 'give a number above 0')
  return value
}

function refuse(file: string, field: string, value: unknown, fix: string): UserError {
  return new UserError(`${file}: field ${field} is ${JSON.stringify(value)}; ${fix}`)
}
