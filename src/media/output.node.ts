import { constants, type Stats } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { basename, dirname, extname, join, resolve, sep } from 'node:path'
import { UserError } from '../errors.js'
import type { ClipContent } from './clip.js'
import type { OutputFiles } from './write-files.node.js'

/** Turns a clip into the bytes of one file. */
type Encoder = (clip: ClipContent, signal?: AbortSignal) => Promise<Uint8Array>

/** Each is loaded when it is needed: together they would cost every command a quarter of a second. */
const ENCODERS: ReadonlyMap<string, () => Promise<Encoder>> = new Map<string, () => Promise<Encoder>>([
  ['.mp4', async () => (await import('./encode/mp4.node.js')).encodeMp4],
  ['.webm', async () => (await import('./encode/webm.node.js')).encodeWebm],
  ['.webp', async () => (await import('./encode/webp.node.js')).encodeWebp],
  ['.gif', async () => (await import('./encode/gif.node.js')).encodeGif],
  ['.apng', async () => (await import('./encode/apng.node.js')).encodeApng],
])

const NUMBER = /%(?:0(\d))?d/

/** Bytes of the longest name of a file system; some are kept for the number of a frame. */
const LONGEST_NAME = 255 - '-0000'.length

/**
 * Checks, before any work is done, that a clip can be saved under this name: its ending is known, and its folder exists
 * or can be made, and takes files.
 *
 * @throws UserError otherwise.
 */
export async function checkOutput(path: string): Promise<void> {
  const ending = endingOf(path)
  const long = resolve(path)
    .split(sep)
    .find((part) => Buffer.byteLength(part) > LONGEST_NAME)
  if (long !== undefined) {
    const bytes = Buffer.byteLength(long)
    throw new UserError(`cannot save to ${path}: a name in it has ${bytes} bytes; give one of at most ${LONGEST_NAME}`)
  }
  if (isFolderName(path)) return checkFolder(path, path)
  if (!ENCODERS.has(ending) && ending !== '.png') {
    throw new UserError(
      `cannot save to ${path || 'a file without a name'}: its name ends in none of ${[...ENCODERS.keys()].join(' ')}; ` +
        'choose one of these, .png for numbered PNG frames, or a name with / at its end for a folder of them',
    )
  }
  if ((await kindOf(path)) === 'folder') {
    throw new UserError(`cannot save to ${path}: there is a folder of this name; choose another name`)
  }
  await checkFolder(dirname(path), path)
}

/** The files that saving a clip under a name that passed `checkOutput` writes; `Clip.save` tells the names. */
export async function encodeOutput(path: string, clip: ClipContent, signal?: AbortSignal): Promise<OutputFiles> {
  const encoder = isFolderName(path) ? undefined : ENCODERS.get(endingOf(path))
  if (encoder) return new Map([[path, await (await encoder())(clip, signal)]])
  const { encodePngFrames } = await import('./encode/png.node.js')
  const pictures = await encodePngFrames(clip, signal)
  return new Map(pictures.map((bytes, index) => [frameName(path, index, pictures.length), bytes]))
}

/** Whether saving a clip at `path` may take the place of an existing file, also through links. */
export async function overwrites(path: string, file: string): Promise<boolean> {
  const [target, source] = [await statOf(path), await statOf(file)]
  if (!source) return false
  if (target?.isFile() && target.dev === source.dev && target.ino === source.ino) return true
  if (!isFolderName(path) && endingOf(path) !== '.png') return false
  const [folder, place] = [await statOf(dirname(file)), await statOf(isFolderName(path) ? path : dirname(path))]
  return folder?.ino === place?.ino && folder?.dev === place?.dev && frameNames(path).test(basename(file))
}

function statOf(path: string): Promise<Stats | undefined> {
  return stat(path).catch(() => undefined)
}

/** The names that the frames of a clip get. */
function frameNames(path: string): RegExp {
  if (isFolderName(path)) return /^frame-\d+\.png$/
  const name = basename(path)
  const [start = '', end = ''] = NUMBER.test(name)
    ? splitOnce(name, NUMBER)
    : [`${name.slice(0, -'.png'.length)}-`, '.png']
  const literal = (text: string) => text.replace(/[^\w]/gu, '\\$&')
  return new RegExp(`^${literal(start)}\\d+${literal(end)}$`)
}

/** What stands before and behind a match. */
function splitOnce(text: string, pattern: RegExp): [string, string] {
  const { index, 0: found } = pattern.exec(text)!
  return [text.slice(0, index), text.slice(index + found.length)]
}

function frameName(path: string, index: number, count: number): string {
  if (isFolderName(path)) return join(path, `frame-${digits(index, count)}.png`)
  const name = basename(path)
  const pattern = NUMBER.exec(name)
  if (pattern) {
    const number = String(index).padStart(Number(pattern[1] ?? 1), '0')
    return join(dirname(path), name.replace(NUMBER, number))
  }
  return count === 1 ? path : `${path.slice(0, -'.png'.length)}-${digits(index, count)}.png`
}

function digits(index: number, count: number): string {
  return String(index).padStart(Math.max(2, String(count - 1).length), '0')
}

function endingOf(path: string): string {
  return extname(path).toLowerCase()
}

function isFolderName(path: string): boolean {
  return /[/\\]$/.test(path)
}

/** Holds the nearest folder above `path` that exists against what writing needs; the rest can be made. */
async function checkFolder(folder: string, path: string): Promise<void> {
  let place = resolve(folder)
  let kind = await kindOf(place)
  while (kind === undefined && dirname(place) !== place) {
    place = dirname(place)
    kind = await kindOf(place)
  }
  if (kind !== 'folder') {
    throw new UserError(`cannot save to ${path}: ${place} is not a folder; choose a name in one`)
  }
  try {
    await access(place, constants.W_OK | constants.X_OK)
  } catch {
    throw new UserError(`cannot save to ${path}: the folder ${place} takes no files; choose one you may write to`)
  }
}

/** What stands at a path; undefined where nothing does. */
async function kindOf(path: string): Promise<'folder' | 'other' | undefined> {
  try {
    return (await stat(path)).isDirectory() ? 'folder' : 'other'
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return code === 'ENOENT' || code === 'ENOTDIR' ? undefined : 'other'
  }
}
