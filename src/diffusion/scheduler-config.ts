import { UserError } from '../errors.js'
import type { SchedulerConfig } from './schedule.js'

const CLASS_NAME = 'EulerDiscreteScheduler'

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

/** Fields with one value that is supported, and what diffusers takes where the field is absent. */
const ONLY: Record<string, { readonly value: unknown; readonly absent: unknown }> = {
  final_sigmas_type: { value: 'zero', absent: 'zero' },
  prediction_type: { value: 'v_prediction', absent: 'epsilon' },
  timestep_type: { value: 'continuous', absent: 'discrete' },
  use_beta_sigmas: { value: false, absent: false },
  use_exponential_sigmas: { value: false, absent: false },
  use_karras_sigmas: { value: true, absent: false },
}

const SPACINGS = ['leading', 'linspace', 'trailing'] as const

/**
 * Reads the configuration of diffusers' `EulerDiscreteScheduler`: every field is honoured, known to have no influence, or
 * refused by name. Fields that start with `_` are notes of the library that wrote the file.
 *
 * @param json the parsed file
 * @param file its name, for messages
 * @throws UserError naming the file, the field and what is supported.
 */
export function parseSchedulerConfig(json: unknown, file: string): SchedulerConfig {
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new UserError(`${file}: is not a JSON object; expected the configuration of an ${CLASS_NAME}`)
  const fields = json as Record<string, unknown>
  const className = fields._class_name ?? CLASS_NAME
  if (className !== CLASS_NAME) throw refuse(file, '_class_name', className, `use ${CLASS_NAME}`)
  const honoured = new Set(['sigma_min', 'sigma_max', 'timestep_spacing', ...Object.keys(ONLY)])
  for (const name of Object.keys(fields)) {
    if (!name.startsWith('_') && !WITHOUT_INFLUENCE.has(name) && !honoured.has(name))
      throw new UserError(`${file}: field ${name} is not one that is supported; remove it`)
  }
  for (const [name, { value, absent }] of Object.entries(ONLY)) {
    const found = name in fields ? fields[name] : absent
    if (found !== value) throw refuse(file, name, found, `only ${JSON.stringify(value)} is supported`)
  }
  const sigmaMin = sigma(fields, 'sigma_min', file)
  const sigmaMax = sigma(fields, 'sigma_max', file)
  if (sigmaMin >= sigmaMax) throw refuse(file, 'sigma_min', sigmaMin, `choose one below sigma_max (${sigmaMax})`)
  const spacing = fields.timestep_spacing ?? 'linspace'
  const timestepSpacing = SPACINGS.find((known) => known === spacing)
  if (!timestepSpacing) throw refuse(file, 'timestep_spacing', spacing, `use one of ${SPACINGS.join(', ')}`)
  return { sigmaMin, sigmaMax, timestepSpacing }
}

function sigma(fields: Record<string, unknown>, name: string, file: string): number {
  const value = fields[name]
  if (typeof value !== 'number' || value <= 0) throw refuse(file, name, value ?? null, 'give a number above 0')
  return value
}

function refuse(file: string, field: string, value: unknown, fix: string): UserError {
  return new UserError(`${file}: field ${field} is ${JSON.stringify(value)}; ${fix}`)
}
