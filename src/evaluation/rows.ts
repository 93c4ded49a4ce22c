import { UserError } from '../errors.js'
import type { AnimateSettings } from '../pipeline/settings.js'

/** One way to make clips: a row of the table. */
export interface Row {
  /** The UNet of the model that runs. */
  readonly network: string
  readonly steps: number
  readonly sampler: 'euler' | 'consistency'
  /** Guidance scale of the first frame and of the last; none for a network that runs once a step. */
  readonly guidance?: { readonly min: number; readonly max: number }
}

/** What rows are made of. */
export interface RowOptions {
  /** The network of entries that name none. Left out: `student` for one step where there is one, else `unet`. */
  readonly network?: string
  /** For all rows. Left out: `consistency` for a network whose name begins so, else `euler`. */
  readonly sampler?: Row['sampler']
  /** For all rows. Left out: 1:3 for several steps of `unet`, else none. */
  readonly guidance?: { readonly min: number; readonly max: number }
}

const ENTRY = /^(?:(\w+)@)?(\d+)$/

/**
 * Reads a list of steps such as `1,4,25` or `25,unet@1,consistency@8`: what follows the @ are the steps of the network
 * before it.
 *
 * @param networks the UNets of the model
 * @throws UserError naming the entry that is wrong, or the network that there is not.
 */
export function parseRows(text: string, networks: readonly string[], options: RowOptions = {}): Row[] {
  const rows = text.split(',').map((entry) => {
    const [, named, digits] = ENTRY.exec(entry.trim()) ?? []
    const steps = Number(digits)
    if (!(steps >= 1 && steps <= 1000))
      throw new UserError(`--steps has the entry "${entry}"; give numbers of steps from 1 to 1000, such as 1,8,unet@1`)
    const usual = steps === 1 && networks.includes('student') ? 'student' : 'unet'
    const network = named ?? options.network ?? usual
    if (!networks.includes(network))
      throw new UserError(`the model has no network ${network}; those it has are ${networks.join(', ')}`)
    const sampler = options.sampler ?? (network.startsWith('consistency') ? 'consistency' : 'euler')
    const guidance = options.guidance ?? (network === 'unet' && steps > 1 ? { min: 1, max: 3 } : undefined)
    return { network, steps, sampler, ...(guidance && guidance.max > 1 ? { guidance } : {}) }
  })
  return rows.filter((row, i) => rows.findIndex((other) => labelOf(other) === labelOf(row)) === i)
}

/** How tables and files call a row. */
export function labelOf({ network, steps, sampler, guidance }: Row): string {
  const usual = sampler === (network.startsWith('consistency') ? 'consistency' : 'euler')
  const scales =
    guidance && !(guidance.min === 1 && guidance.max === 3) ? ` guidance ${guidance.min}:${guidance.max}` : ''
  const unguided = network === 'unet' && steps > 1 && !guidance ? ' unguided' : ''
  const guided = guidance && (network !== 'unet' || steps === 1) && scales === '' ? ' guided' : ''
  return `${network} ${steps} step${steps > 1 ? 's' : ''}${scales}${guided}${unguided}${usual ? '' : ` ${sampler}`}`
}

/** How many times a row runs its network for a clip. */
export function forwardsOf({ steps, guidance }: Row): number {
  return steps * (guidance ? 2 : 1)
}

/** The settings of a clip of a row. */
export function settingsOf({ network, steps, sampler, guidance }: Row): AnimateSettings {
  const scales = guidance
    ? { minGuidance: guidance.min, maxGuidance: guidance.max }
    : { minGuidance: 1, maxGuidance: 1 }
  return { network, steps, sampler, guide: 'always', ...scales }
}
