import { z } from 'zod'
import { UserError } from '../errors.js'
import { motionSchema } from './motions.js'

const whole = (min: number, max: number) => {
  const rule = `give a whole number from ${min} to ${max}`
  return z.int(rule).min(min, rule).max(max, rule)
}

const between = (min: number, max: number) => {
  const rule = `give a number from ${min} to ${max}`
  return z.number(rule).min(min, rule).max(max, rule)
}

/** SVD's motion bucket by word: half, once and twice the motion of the median training clip. */
const MOTION_WORDS = { low: 67, medium: 127, high: 187 } as const
const MOTION_RULE = 'give low, medium, high or a number from 0 to 255'

const motion = z
  .union([z.enum(['low', 'medium', 'high']), z.number().min(0).max(255)], MOTION_RULE)
  .transform((asked) => (typeof asked === 'number' ? asked : MOTION_WORDS[asked]))

/** What to generate: the one schema that the library and the command line check their options with. */
export const settingsSchema = z.strictObject({
  /** Forward passes of the UNet. 1 is SF-V's single forward with the student, without guidance; more is classic SVD. */
  steps: whole(1, 1000).default(1),
  /** Which UNet of the model runs. Default: `student` for one step, where there is one, else `unet`. */
  network: z.string().optional(),
  /**
   * How the steps are taken: along the probability-flow ODE, or with fresh noise, as consistency models want it. Default: as the
   * model's scheduler says.
   */
  sampler: z.enum(['euler', 'consistency'], 'give euler or consistency').optional(),
  /** Frames of the clip. Default: what the model was trained for. */
  frames: whole(1, 1000).optional(),
  /** Width of the clip in pixels. Default: what the model was trained for. */
  width: whole(8, 8192).optional(),
  /** Height of the clip in pixels. Default: what the model was trained for. */
  height: whole(8, 8192).optional(),
  /** Pictures per second: of the file, and told to the model. */
  fps: between(1, 120).default(7),
  /**
   * How much shall move: SVD's motion bucket, or low (67), medium (127) or high (187), each twice the one before. Default: as the
   * model says, else 127.
   */
  motion: motion.optional(),
  /** Noise laid onto the picture, as a share of its range: more frees the motion from the picture. */
  noiseAug: between(0, 10).default(0.02),
  /**
   * Whether guidance is used: `auto` for several steps of SVD's own UNet (students were trained to do without), `always`
   * whatever runs. Scales of 1 are none in both cases.
   */
  guide: z.enum(['auto', 'always'], 'give auto or always').default('auto'),
  /** Guidance scale of the first frame. */
  minGuidance: between(0, 100).default(1),
  /**
   * Guidance scale of the last frame. Not above 1: no guidance. Default: as the model says, else 3, of a consistency model
   * 1.5.
   */
  maxGuidance: between(0, 100).optional(),
  /** Where all random numbers come from. Default: another one each time; the clip's metadata holds it. */
  seed: whole(0, Number.MAX_SAFE_INTEGER).optional(),
  /** How a seed becomes noise: sfv's own way, or that of PyTorch's CPU generator, so that it is the noise of diffusers. */
  generator: z.enum(['sfv', 'torch'], 'give sfv or torch').default('sfv'),
  /**
   * How the picture fills a frame of another shape: its middle (`cover`), the whole of it on white (`contain`), or
   * distorted (`stretch`, what the reference does).
   */
  fit: z.enum(['cover', 'contain', 'stretch'], 'give cover, contain or stretch').default('cover'),
  /** Frames that the VAE decodes together. More needs more memory; the frames of a chunk are aware of each other. */
  decodeChunk: whole(1, 1000).optional(),
  /**
   * Closes the clip, so that its last frame leads to its first, which stays the picture. A model that takes an end frame does so in
   * the same forwards; any other takes 6 in place of 1, and three for each of several steps.
   */
  loop: z.boolean('give true or false').default(false),
  /**
   * Parts of the picture that are dragged. A model that takes motion hints is told of them; any other SVD follows a rough clip by
   * dual-clock denoising (Time-to-Move), which takes about two thirds of its steps, and 2 forwards in place of 1.
   */
  motions: z.array(motionSchema, 'give a list of motions').max(16, 'give at most 16').default([]),
  /**
   * Seconds of the clip. Where that is more than `frames`, it is a chain of clips of so many frames, each on the last frames of the
   * one before.
   */
  seconds: between(0.1, 600).optional(),
  /**
   * What becomes of transparency: `keep` is the picture's own, which a model without it refuses; `white` lays the picture on white;
   * `key` cuts the figure out of the white that it stands on. Default: kept where the model can.
   */
  alpha: z.enum(['keep', 'white', 'key'], 'give keep, white or key').optional(),
})

/** What may be asked for. */
export type AnimateSettings = z.input<typeof settingsSchema>

/** Settings after the defaults that do not depend on the model. */
export type CheckedSettings = z.output<typeof settingsSchema>

/** Those that any clip has, made of a picture, edited or extended. */
export type AnySettings = Omit<CheckedSettings, 'motions' | 'seconds'>

/** How to carry an edit through a clip: the settings of a generation, and how much of the clip may change. */
export const editSchema = settingsSchema.omit({ motions: true, seconds: true }).extend({
  /**
   * How much noise is laid on the clip, 0 to 1, in the levels that the generator is trained at: up to a third keeps the
   * clip's layout and motion, more makes a new motion for the new frame.
   */
  strength: between(0, 1).default(0.3),
})

/** What may be asked of an edit. */
export type EditSettings = z.input<typeof editSchema>

/** How to go on from a clip: the settings of a generation, `frames` of each link, and how many links. */
export const extendSchema = settingsSchema.omit({ motions: true, seconds: true }).extend({
  /** Clips that are put to its end, one on the other. */
  links: whole(1, 100).default(1),
  /** Pictures per second. Default: the clip's own. */
  fps: between(1, 120).optional(),
})

/** What may be asked of an extension. */
export type ExtendSettings = z.input<typeof extendSchema>

/** The settings of an extension after the defaults that do not depend on the model or the clip. */
export type CheckedExtend = z.output<typeof extendSchema>

/** The schemas of settings: of a generation, of an edit, of an extension. */
export type SettingsSchema = typeof settingsSchema | typeof editSchema | typeof extendSchema

/** The settings of an edit after the defaults that do not depend on the model or the clip. */
export type CheckedEdit = z.output<typeof editSchema>

/**
 * Checks settings and fills in defaults.
 *
 * @param nameOf how messages call a setting; its own name unless told
 * @param schema whose settings they are: a generation's unless told
 * @throws UserError naming the first setting that is wrong and what it may be.
 */
export function parseSettings<T extends SettingsSchema = typeof settingsSchema>(
  settings: z.input<T>,
  nameOf = (name: string) => name,
  schema: T = settingsSchema as unknown as T,
): z.output<T> {
  const result = schema.safeParse(settings)
  if (result.success) return result.data as z.output<T>
  const issue = result.error.issues[0]!
  if (issue.code === 'unrecognized_keys')
    throw new UserError(`${issue.keys.join(', ')}: no such setting; known are ${Object.keys(schema.shape).join(', ')}`)
  const name = String(issue.path[0])
  let wrong: unknown = settings
  for (const step of issue.path) wrong = (wrong as Record<PropertyKey, unknown> | undefined)?.[step]
  const place = issue.path.slice(1).map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`))
  throw new UserError(`${nameOf(name)}${place.join('')} is ${shown(wrong)}; ${issue.message}`)
}

function shown(value: unknown): string {
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value)
}
