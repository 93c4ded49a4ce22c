import { basename } from 'node:path'
import type { Command } from 'commander'
import { UserError } from '../errors.js'
import type { Picture } from '../media/frames.js'
import type { AnimateSettings } from '../pipeline/settings.js'
import type { ClipOptions } from './clip-command.js'

/** Which options stand for a setting that another clip was made with, where they are called otherwise. */
const OPTIONS: Readonly<Record<string, string>> = {
  width: 'size',
  height: 'size',
  minGuidance: 'guidance',
  maxGuidance: 'guidance',
  motions: 'move',
  // Which network runs goes by the steps.
  network: 'steps',
}

/** What masks and end frames are called in messages. */
const WORDS = { end: 'an end frame', still: 'a mask of what stands still', moving: 'a mask of what may move' } as const

/** What a clip is to be made with because another one was. */
export interface LikeOptions {
  readonly options: Partial<ClipOptions> & Pick<AnimateSettings, 'motions' | 'seconds'>
  readonly pictures: Readonly<Record<string, Picture>>
}

/**
 * The settings of a clip that sfv wrote, but for those that the command line tells anew.
 *
 * @param given paths of the further pictures that are told anew
 * @throws UserError when they cannot be repeated, naming what must be given again.
 */
export async function likeness(
  clip: string,
  command: Command,
  given: Readonly<Record<string, string | undefined>>,
): Promise<LikeOptions> {
  const { readMetadata } = await import('../media/read-metadata.node.js')
  const { likenessOf } = await import('../pipeline/like.js')
  const { model, settings, pictures, missing } = likenessOf(await readMetadata(clip), clip)
  const isTold = (option: string) => command.getOptionValueSource(option) === 'cli'
  const asked = command.getOptionValue('model') as string
  if (model !== undefined && model !== basename(asked) && !isTold('model')) {
    throw new UserError(`${clip} was made by the model ${model}; give its folder or hub id with --model`)
  }
  for (const name of missing) {
    if (given[name] === undefined)
      throw new UserError(`${clip} was made with ${WORDS[name]}, and holds its checksum alone; give it with --${name}`)
  }
  const kept = Object.entries(settings).filter(([name]) => !isTold(OPTIONS[name] ?? name))
  return { options: Object.fromEntries(kept), pictures: { ...pictures } }
}
