import { Option } from 'commander'
import { UserError } from '../errors.js'
import type { AnimateSettings } from '../pipeline/settings.js'
import { DEVICES } from '../runtime/device-names.js'
import { BUNDLED_MODEL } from '../weights/packaged.node.js'

/** A mistake in the command itself; the exit code is 2. */
export class UsageError extends UserError {}

/** Rethrows a UserError as one of usage. */
export function asUsage<T>(parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    throw error instanceof UserError ? new UsageError(error.message) : error
  }
}

/** An option's text as a number; other text stays as it is, for the check of the settings to refuse. */
export function numeric(text: string): number {
  const number = text.trim() === '' ? NaN : Number(text)
  return Number.isNaN(number) ? (text as unknown as number) : number
}

/** `640x384` as width and height. */
export function parseSize(text: string): { width: number; height: number } {
  const match = /^(\d+)x(\d+)$/i.exec(text)
  if (!match) throw new UsageError(`--size is ${text}; give width and height in pixels, such as 128x128`)
  return { width: Number(match[1]), height: Number(match[2]) }
}

/** `1:3` as the guidance of the first frame and of the last. */
export function parseGuidance(text: string): { minGuidance: number; maxGuidance: number } {
  const [min, max, more] = text.split(':').map(numeric)
  if (typeof min !== 'number' || typeof max !== 'number' || more !== undefined)
    throw new UsageError(`--guidance is ${text}; give the scale of the first and of the last frame, such as 1:3`)
  return { minGuidance: min, maxGuidance: max }
}

/** A part of a picture that is dragged, as `--move` says it. */
export type Move = NonNullable<AnimateSettings['motions']>[number]

/** `40,50%:60,20%@12%` as a drag: places in pixels of the picture or shares of it, and a radius where one is told. */
export function parseMove(text: string): Move {
  const length = String.raw`\s*(-?\d+(?:\.\d+)?%?)\s*`
  const match = new RegExp(`^${length},${length}:${length},${length}(?:@${length})?$`).exec(text)
  if (!match)
    throw new UsageError(`--move is ${text}; give two places and, if you like, a radius, such as 50%,40%:50%,20%@12%`)
  const [x, y, toX, toY, radius] = match.slice(1).map((part) => (part?.endsWith('%') ? part : numeric(part ?? '')))
  return { from: [x!, y!], to: [toX!, toY!], ...(match[5] === undefined ? {} : { radius }) }
}

/** Reads an option as a number from `min` to `max`. */
export function between(flag: string, min: number, max: number): (text: string) => number {
  return (text) => {
    const number = numeric(text)
    if (number >= min && number <= max) return number
    throw new UsageError(`${flag} is ${text}; give a number from ${min} to ${max}`)
  }
}

/** Reads an option as a whole number from `min` to `max`. */
export function whole(flag: string, min: number, max: number): (text: string) => number {
  return (text) => {
    const number = numeric(text)
    if (Number.isInteger(number) && number >= min && number <= max) return number
    throw new UsageError(`${flag} is ${text}; give a whole number from ${min} to ${max}`)
  }
}

/** Reads an option as bytes: `8GB`, `512 MB`, `6GiB` or `128KB`. */
export function amount(flag: string): (text: string) => number {
  return (text) => {
    const match = /^(\d+(?:\.\d+)?)\s*([KMG])(i?)B?$/i.exec(text.trim())
    if (!match) throw new UsageError(`${flag} is ${text}; give an amount such as 8GB, 512MB or 128KB`)
    const [, count, unit, binary] = match as unknown as [string, string, string, string]
    return Number(count) * (binary ? 1024 : 1000) ** (1 + 'KMG'.indexOf(unit.toUpperCase()))
  }
}

/** `--device`, the same in all commands that run networks. */
export function deviceOption(): Option {
  return new Option('--device <name>', 'where the networks run (`sfv doctor` says what is there); auto: cuda or cpu')
    .choices(['auto', ...DEVICES])
    .default('auto')
}

/** `--model`, the same in all commands that run one. */
export function modelOption(): Option {
  return new Option('--model <model>', 'model folder in the layout of diffusers, or a hub id').default(
    BUNDLED_MODEL,
    'the bundled one',
  )
}
