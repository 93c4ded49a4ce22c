import { UserError } from '../errors.js'
import type { Picture } from '../media/frames.js'
import type { AnimateSettings } from './settings.js'
import { pictureTold } from './told-pictures.js'

/** Further pictures that metadata may tell of. */
export const TOLD_PICTURES = ['end', 'still', 'moving'] as const

/** What a clip was made with. */
export interface Likeness {
  readonly model: string | undefined
  readonly settings: AnimateSettings
  /** Its further pictures; one that is known by its checksum alone is left out, and named in `missing`. */
  readonly pictures: Readonly<Partial<Record<(typeof TOLD_PICTURES)[number], Picture>>>
  readonly missing: readonly (typeof TOLD_PICTURES)[number][]
}

/**
 * Settings that make a clip as another one was made, from its metadata.
 *
 * @param name stands for it in messages
 * @throws UserError when it was not made of one picture, or the metadata is none of a clip.
 */
export function likenessOf(metadata: Readonly<Record<string, string>>, name: string): Likeness {
  const refuse = (reason: string) => new UserError(`cannot make a clip like ${name}: ${reason}`)
  if (metadata['software'] !== 'sfv' || metadata['seed'] === undefined) {
    throw refuse('it does not say how it was made; give a clip of sfv animate')
  }
  if (metadata['strength'] !== undefined)
    throw refuse('sfv edit made it of another clip; use that, with its --strength')
  if (metadata['links'] !== undefined && metadata['seconds'] === undefined) {
    throw refuse('sfv extend made it of another clip; use that, with -n')
  }
  const number = (key: string) => (metadata[key] === undefined ? undefined : Number(metadata[key]))
  const [width, height] = metadata['size']?.split('x').map(Number) ?? []
  const [minGuidance, maxGuidance] = metadata['guidance']?.split(':').map(Number) ?? []
  const all = {
    seed: number('seed'),
    generator: metadata['generator'],
    network: metadata['network'],
    steps: number('steps'),
    sampler: metadata['sampler'],
    frames: number('frames'),
    width,
    height,
    fps: number('fps'),
    motion: number('motion'),
    noiseAug: number('noiseAug'),
    fit: metadata['fit'],
    guide: metadata['guide'],
    minGuidance,
    // Without guidance, what the model is best asked for must not come in its place.
    maxGuidance: maxGuidance ?? 1,
    decodeChunk: number('decodeChunk'),
    loop: metadata['loop'] === 'true' || undefined,
    motions: metadata['motions'] === undefined ? undefined : (JSON.parse(metadata['motions']) as unknown),
    seconds: number('seconds'),
    alpha: metadata['alpha'],
  }
  const told = TOLD_PICTURES.filter((key) => metadata[key] !== undefined)
  const found = told.flatMap((key) => {
    const picture = pictureTold(metadata[key]!)
    return picture ? [[key, picture] as const] : []
  })
  return {
    model: metadata['model'],
    settings: Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)),
    pictures: Object.fromEntries(found),
    missing: told.filter((key) => !found.some(([other]) => other === key)),
  }
}
