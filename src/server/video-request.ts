import { z } from 'zod'
import { parseSettings, type CheckedSettings } from '../pipeline/settings.js'
import { UserError } from '../errors.js'
import { ApiError, invalid } from './api-error.js'
import type { ModelIdentity } from './model-identity.js'
import type { PictureLimits } from './picture-intake.js'
import { CLIP_FORMATS, type ClipFormat, type ClipSettings } from './job.js'

/** A number, also as text: forms have no other. */
const number = (min: number, max: number, integer = false) => {
  const rule = `give a ${integer ? 'whole ' : ''}number from ${min} to ${max}`
  const plain = integer ? z.int(rule) : z.number(rule)
  return z
    .union([plain.min(min, rule).max(max, rule), z.string()], rule)
    .transform((value) => (typeof value === 'number' || value.trim() === '' ? value : Number(value)))
    .pipe(plain.min(min, rule).max(max, rule))
}

const flag = z
  .union([z.boolean(), z.enum(['true', 'false'])], 'give true or false')
  .transform((value) => value === true || value === 'true')

const rule = `give one of ${CLIP_FORMATS.join(', ')}, or several with commas between`

/** sfv's own settings, the same in every form of the API. */
export const settingFields = {
  frames: number(1, 1000, true).optional().describe('Frames of the clip. Default: as the model was trained'),
  size: z
    .string()
    .regex(/^\d{1,4}x\d{1,4}$/, 'give width and height in pixels, such as 128x128')
    .optional()
    .describe('Width and height in pixels. Default: as the model was trained'),
  fps: number(1, 120).optional().describe('Pictures per second. Default: 7'),
  seed: number(0, Number.MAX_SAFE_INTEGER, true).optional().describe('Where all randomness comes from. Default: drawn'),
  motion: number(0, 255).optional().describe('How much shall move. Default: as the model says, else 127'),
  steps: number(1, 1000, true).optional().describe('Forward passes: 1 uses the student, more the teacher. Default: 1'),
  noise_aug: number(0, 10).optional().describe('Noise on the picture. Default: 0.02'),
  guidance: z
    .string()
    .regex(/^\d+(\.\d+)?:\d+(\.\d+)?$/, 'give the scale of the first and of the last frame, such as 1:3')
    .optional()
    .describe('Guidance scale of the first and of the last frame, for several steps'),
  sampler: z
    .enum(['euler', 'consistency'], 'give euler or consistency')
    .optional()
    .describe('How several steps are taken'),
  fit: z
    .enum(['cover', 'contain', 'stretch'], 'give cover, contain or stretch')
    .optional()
    .describe('How a picture of another shape fills the frame'),
  loop: flag.optional().describe('Closes the clip: its last frame leads to its first'),
  format: z
    .string()
    .max(40, rule)
    .refine((text) => text.split(',').every((name) => (CLIP_FORMATS as readonly string[]).includes(name)), rule)
    .optional()
    .describe('Formats to make: mp4, webm, webp, gif or apng, several with commas between. Default: mp4'),
}

const reference = z.union([z.string(), z.strictObject({ image_url: z.string() })], 'give a file or a data URL')

/** What zod says where no object is; what is wrong in an object it tells by the field. */
export const OBJECT = {
  error: ({ code }: { code?: string }) => (code === 'invalid_type' ? 'give an object of fields' : undefined),
}

/** The fields of `POST /v1/videos`; in a form `input_reference` is a file. */
export const createVideoSchema = z.strictObject(
  {
    model: z
      .string()
      .max(200)
      .optional()
      .describe('The name of the model; see GET /v1/models. Default: the one that is served'),
    prompt: z.string().max(32_000).optional().describe('Kept and given back. The models see the picture alone'),
    input_reference: reference.optional().describe('The picture: a file in a form, a data URL in JSON'),
    seconds: number(0.01, 1000).optional().describe('Length of the clip, in place of frames'),
    ...settingFields,
  },
  OBJECT,
)

type Settings = Omit<z.output<typeof createVideoSchema>, 'model' | 'prompt' | 'input_reference'>

/** How messages call the settings of the library. */
const NAMES: Readonly<Record<string, string>> = {
  noiseAug: 'noise_aug',
  width: 'size',
  height: 'size',
  minGuidance: 'guidance',
  maxGuidance: 'guidance',
}

/**
 * Checks an object against a schema.
 *
 * @throws ApiError naming the first field that is wrong and what it may be.
 */
export function checked<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const issue = result.error.issues[0]!
  if (issue.code === 'unrecognized_keys')
    throw new ApiError(
      400,
      'unknown_parameter',
      `${issue.keys.join(', ')}: there is no such field`,
      issue.keys[0] ?? null,
    )
  const name = issue.path.join('.')
  throw invalid(name, `${name || 'the body'}: ${issue.message}`)
}

/**
 * The settings of the library that a request asks for, with a seed that is drawn where it gives none.
 *
 * @throws ApiError when they contradict each other, or the clip would have more than `pixels`, all frames together.
 */
export function clipSettings(
  { seconds, frames, size, noise_aug, guidance, format, seed, ...rest }: Settings,
  { native }: Pick<ModelIdentity, 'native'>,
  { pixels }: Pick<PictureLimits, 'pixels'>,
): { readonly settings: ClipSettings; readonly formats: readonly ClipFormat[] } {
  if (seconds !== undefined && frames !== undefined) throw invalid('seconds', 'give seconds or frames, not both')
  const [width, height] = size?.split('x').map(Number) ?? [native.width, native.height]
  const [minGuidance, maxGuidance] = guidance?.split(':').map(Number) ?? []
  const count = seconds === undefined ? (frames ?? native.frames) : Math.max(1, Math.round(seconds * (rest.fps ?? 7)))
  const asked = { ...rest, frames: count, width, height, noiseAug: noise_aug, minGuidance, maxGuidance }
  let settings: CheckedSettings
  let wrong = 'settings'
  try {
    settings = parseSettings(asked, (name) => (wrong = NAMES[name] ?? name))
  } catch (error) {
    throw error instanceof UserError ? invalid(wrong, error.message) : error
  }
  const formats = [...new Set((format ?? 'mp4').split(','))] as ClipFormat[]
  const { frames: known = count, width: across = native.width, height: down = native.height } = settings
  if (known * across * down > pixels) {
    const message = `a clip of ${known} frames of ${across}x${down} has more than ${pixels} pixels; ask for fewer frames or a smaller size`
    throw invalid(frames === undefined && seconds === undefined ? 'size' : 'frames', message)
  }
  const drawn = seed ?? crypto.getRandomValues(new Uint32Array(1))[0]!
  return { settings: { ...settings, frames: known, width: across, height: down, seed: drawn }, formats }
}
