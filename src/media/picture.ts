import { UserError } from '../errors.js'
import type { Frames, Picture } from './frames.js'

/**
 * Holds a value against what a picture is: whole sides, and three bytes a pixel.
 *
 * @param label stands for it in messages
 * @param choices what may be given in its place, in words
 * @throws UserError otherwise, naming what it is.
 */
export function checkPicture(value: unknown, label: string, choices = 'pixels'): asserts value is Picture {
  const { width, height, data } = fieldsOf(value)
  if (data === undefined) throw new UserError(`${label} is ${nameOfValue(value)}; give ${choices}`)
  checkPixels({ width, height, data, count: 1 }, label)
}

/**
 * Holds a value against what the frames of a clip are.
 *
 * @param label stands for it in messages
 * @throws UserError otherwise, naming what it is.
 */
export function checkFrames(value: unknown, label: string): asserts value is Frames {
  const { width, height, data, count } = fieldsOf(value)
  if (data === undefined) throw new UserError(`${label} is ${nameOfValue(value)}; give width, height, count and data`)
  checkPixels({ width, height, data, count }, label)
}

type Fields = Partial<Record<'width' | 'height' | 'count' | 'data', unknown>>

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? value : {}
}

function checkPixels({ width, height, count, data }: Fields, label: string): void {
  for (const [name, side] of Object.entries({ width, height, count })) {
    if (!Number.isInteger(side) || (side as number) < 1) {
      throw new UserError(`${label} has the ${name} ${String(side)}; give a whole number from 1 on`)
    }
  }
  const pixels = (width as number) * (height as number) * (count as number)
  const size = `${width as number}x${height as number}`
  const fix = `give 8-bit RGB, ${pixels * 3} bytes in a Uint8Array`
  if (!(data instanceof Uint8Array || data instanceof Uint8ClampedArray)) {
    throw new UserError(`${label} has ${nameOfValue(data)} as its data; ${fix}`)
  }
  if (data.length === pixels * 4) {
    throw new UserError(
      `${label} of ${size} pixels has ${data.length} bytes, as RGBA has; lay it on a colour, and ${fix}`,
    )
  }
  if (data.length !== pixels * 3) throw new UserError(`${label} of ${size} pixels has ${data.length} bytes; ${fix}`)
}

/** What a value is, for messages: `an ArrayBuffer`, `a number`, `nothing`. */
export function nameOfValue(value: unknown): string {
  if (value === undefined || value === null) return 'nothing'
  const name = typeof value === 'object' ? (value.constructor?.name ?? 'object') : typeof value
  return `${/^[aeio]/i.test(name) ? 'an' : 'a'} ${name}`
}
