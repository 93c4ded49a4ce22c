import { constants, type Stats } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { basename, dirname, extname, join, resolve, sep } from 'node:path'
import { unzipSync } from 'fflate'
import { UserError } from '../errors.js'
import { EXPORT_FORMATS, type ExportFormat } from './export-settings.js'
import type { OutputFiles } from './write-files.node.js'

/** The formats that a file's ending asks for. */
const ENDINGS = EXPORT_FORMATS.filter((format) => format !== 'png').map((format) => `.${format}`)

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
  if (!ENDINGS.includes(ending) && ending !== '.png') {
    throw new UserError(
      `cannot save to ${path || 'a file without a name'}: its name ends in none of ${ENDINGS.join(' ')}; ` +
        'choose one of these, .png for numbered PNG frames, or a name with / at its end for a folder of them',
    )
  }
  if ((await kindOf(path)) === 'folder') {
    throw new UserError(`cannot save to ${path}: there is a folder of this name; choose another name`)
  }
  await checkFolder(dirname(path), path)
}

/** The format of a clip under a name that passed `checkOutput`; `png` for frames. */
export function formatOf(path: string): ExportFormat {
  const ending = endingOf(path)
  return isFolderName(path) ? 'png' : (EXPORT_FORMATS.find((format) => `.${format}` === ending) ?? 'png')
}

/**
 * The files of a clip under a name, which tells the names of frames.
 *
 * @param bytes the clip in that format; of `png` the zip of its frames
 */
export function filesOf(path: string, format: ExportFormat, bytes: Uint8Array): OutputFiles {
  if (format !== 'png') return new Map([[path, bytes]])
  const pictures = Object.values(unzipSync(bytes))
  return new Map(pictures.map((picture, index) => [frameName(path, index, pictures.length), picture]))
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
