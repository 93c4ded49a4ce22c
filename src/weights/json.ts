import { UserError } from '../errors.js'

/** What a JSON file can hold. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject

/** A JSON object. */
export interface JsonObject {
  readonly [key: string]: JsonValue
}

/**
 * Parses JSON in UTF-8, or UTF-16 with its mark, whose outermost value is an object. Unlike `JSON.parse`, it refuses a
 * key that an object has twice, for which other readers may pick another value. `what` names the source in errors.
 *
 * @throws UserError when the bytes are not UTF-8, not JSON, not an object, or repeat a key.
 */
export function parseJsonObject(bytes: Uint8Array, what: string): JsonObject {
  const text = decodeUtf8(bytes, what)
  let value: JsonValue
  try {
    value = JSON.parse(text) as JsonValue
  } catch {
    throw new UserError(`${what} is not valid JSON; download or write the file again`)
  }
  if (!isJsonObject(value)) throw new UserError(`${what} is not a JSON object; download or write the file again`)
  const repeated = findRepeatedKey(text)
  if (repeated !== undefined) throw new UserError(`${what} has the key ${quote(repeated)} twice; remove one of them`)
  return value
}

/** Whether a JSON value is an object, not null and not an array. */
export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A name as an error message shows it: on one line, between quotation marks, shortened to 120 characters. */
export function quote(name: string): string {
  return JSON.stringify(name.length > 120 ? `${name.slice(0, 119)}…` : name)
}

function decodeUtf8(bytes: Uint8Array, what: string): string {
  // A byte order mark at the start is not part of the text. Editors of Windows write one; its shell writes UTF-16.
  const utf16 = bytes[0] === 0xff && bytes[1] === 0xfe
  try {
    return new TextDecoder(utf16 ? 'utf-16le' : 'utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new UserError(`${what} is not UTF-8 text; download or write the file again`)
  }
}

/** The first key that an object of this valid JSON text has twice, compared after decoding its escapes. */
function findRepeatedKey(text: string): string | undefined {
  // Keys of the objects and arrays around the current character; an array has no keys and stays undefined.
  const open: (Set<string> | undefined)[] = []
  let atKey = false
  for (let i = 0; i < text.length; i++) {
    const character = text[i]
    if (character === '{' || character === '[') {
      open.push(character === '{' ? new Set() : undefined)
      atKey = character === '{'
    } else if (character === '}' || character === ']') {
      open.pop()
    } else if (character === ',') {
      atKey = open.at(-1) !== undefined
    } else if (character === '"') {
      const start = i++
      while (text[i] !== '"') i += text[i] === '\\' ? 2 : 1
      if (!atKey) continue
      atKey = false
      const key = JSON.parse(text.slice(start, i + 1)) as string
      const keys = open.at(-1)!
      if (keys.has(key)) return key
      keys.add(key)
    }
  }
  return undefined
}
