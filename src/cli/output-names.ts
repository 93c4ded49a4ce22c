import { basename, extname } from 'node:path'
import type { ExportFormat } from '../media/export-settings.js'
import { UsageError } from './options.js'

/** What is asked for: pictures, the seeds of each one's candidates, and where clips go. */
export interface OutputRequest {
  /** `-o`: a file, a folder with `/` at its end, `-` for standard output, or a pattern with `{name}` and `{seed}`. */
  readonly out: string
  /** `--format`, where the name does not tell it. */
  readonly format?: ExportFormat | undefined
  /** Paths of the pictures; `-` is standard input. */
  readonly pictures: readonly string[]
  readonly seeds: readonly number[]
  /** Whether the best candidate of each picture alone is kept. */
  readonly best?: boolean
}

/** One clip to be made. */
export interface ClipPlace {
  readonly picture: string
  /** Its seed; the first of those to choose from where the best is kept. */
  readonly seed: number
  readonly out: string
}

/** Where clips go. */
export interface OutputPlaces {
  readonly clips: readonly ClipPlace[]
  /** A contact sheet of the candidates of each picture, by picture; none where there is one candidate. */
  readonly sheets: ReadonlyMap<string, string>
}

/** The name of the standard streams. */
export const STANDARD = '-'

/**
 * The files of all clips. `cat.webp` becomes `cat-SEED.webp` for several candidates, and `DIR/` becomes `DIR/NAME.webp`
 * for several pictures.
 *
 * @throws UsageError when two clips would have one name, or a name and a format contradict each other.
 */
export function outputPlaces({ best, ...request }: OutputRequest): OutputPlaces {
  const { out, seeds } = request
  if (!best) return placesOf(request)
  if (out.includes('{seed}')) throw new UsageError(`-o is ${out}, and --best keeps one seed; leave {seed} out`)
  const { clips } = placesOf({ ...request, seeds: seeds.slice(0, 1) })
  return { clips, sheets: out === STANDARD ? new Map() : placesOf(request).sheets }
}

function placesOf({ out, format, pictures, seeds }: Omit<OutputRequest, 'best'>): OutputPlaces {
  const several = pictures.length * seeds.length > 1
  if (out === STANDARD) {
    if (several) throw new UsageError('-o is -, for several clips; standard output takes one: give a folder/')
    if (format === undefined)
      throw new UsageError('-o is -; say with --format what to write: mp4, webm, webp, gif or apng')
    if (format === 'png') throw new UsageError('--format is png; frames are several files: give -o folder/')
    return { clips: [{ picture: pictures[0]!, seed: seeds[0]!, out }], sheets: new Map() }
  }
  const pattern = patternOf(out, format, pictures.length, seeds.length)
  const names = uniqueNames(pictures)
  const clips = pictures.flatMap((picture, i) =>
    seeds.map((seed) => ({ picture, seed, out: fill(pattern, names[i]!, `${seed}`) })),
  )
  const lacking = pictures.length > 1 && !pattern.includes('{name}') ? '{name}' : '{seed}'
  if (new Set(clips.map((clip) => clip.out)).size < clips.length) {
    throw new UsageError(`-o is ${out}, for ${clips.length} clips; give a folder/, or a name with ${lacking} in it`)
  }
  const sheets = pictures.map((picture, i) => [picture, sheetName(fill(pattern, names[i]!, 'sheet'))] as const)
  return { clips, sheets: new Map(seeds.length > 1 ? sheets : []) }
}

/** The name of all clips, with `{name}` and `{seed}` where they differ. */
function patternOf(out: string, format: ExportFormat | undefined, pictures: number, seeds: number): string {
  if (/[/\\]$/.test(out)) {
    // A folder takes the frames of one clip, or several clips.
    if (pictures * seeds === 1 && (format === undefined || format === 'png')) return out
    const name = seeds > 1 ? '{name}-{seed}' : '{name}'
    if (/\{(name|seed)\}/.test(out)) return format === undefined || format === 'png' ? out : `${out}${name}.${format}`
    return `${out}${name}${format === 'png' ? '/' : `.${format ?? 'webp'}`}`
  }
  const ending = extname(out)
  if (format !== undefined && ending.toLowerCase() !== `.${format}`) {
    throw new UsageError(`-o is ${out}, but --format is ${format}; end the name in .${format}, or leave --format out`)
  }
  if (seeds === 1 || out.includes('{seed}')) return out
  return `${out.slice(0, out.length - ending.length)}-{seed}${ending}`
}

/** The pictures' names without folders and endings; of the same name, the second gets `-2` and so on. */
function uniqueNames(pictures: readonly string[]): string[] {
  const taken = new Set<string>()
  return pictures.map((picture) => {
    const plain = picture === STANDARD ? 'stdin' : basename(picture, extname(picture))
    let name = plain
    for (let n = 2; taken.has(name); n++) name = `${plain}-${n}`
    taken.add(name)
    return name
  })
}

function fill(pattern: string, name: string, seed: string): string {
  return pattern.replaceAll('{name}', () => name).replaceAll('{seed}', () => seed)
}

function sheetName(out: string): string {
  const plain = out.replace(/[/\\]+$/, '')
  return `${plain.slice(0, plain.length - extname(plain).length)}.png`
}
