import type { Drift } from '../evaluation/drift.js'
import type { Clip } from '../media/clip.node.js'
import type { ExportOptions } from '../media/export-settings.js'
import type { PictureInput } from '../media/picture-input.node.js'
import type { ImageToVideo } from '../pipeline/pretrained.node.js'
import type { AnimateProgress } from '../pipeline/progress.js'
import type { AnimateSettings, CheckedEdit, CheckedExtend, CheckedSettings } from '../pipeline/settings.js'
import { UserError } from '../errors.js'
import type { ClipOptions } from './clip-command.js'
import { interruptible } from './interrupt.js'
import { messageOf } from './messages.js'
import { asUsage, UsageError } from './options.js'
import { outputPlaces, STANDARD, type ClipPlace, type OutputPlaces } from './output-names.js'
import { expandPatterns } from './pictures.js'
import { StageMeter, StatusLine } from './progress.js'

/** Which options messages speak of, by setting. */
const FLAGS: Readonly<Record<string, string>> = {
  noiseAug: '--noise-aug',
  width: 'the width of --size',
  height: 'the height of --size',
  minGuidance: 'the first scale of --guidance',
  maxGuidance: 'the last scale of --guidance',
}

/** What a command does with an open model. */
export type Make<T> = (sfv: ImageToVideo, picture: PictureInput, settings: T, own: OwnSettings) => Promise<Clip>

/** What is told to each clip by itself. */
interface OwnSettings {
  readonly seed: number
  readonly onProgress: (progress: AnimateProgress) => void
}

/** What clips are made of. */
export interface Sources {
  /** Paths of the pictures, or patterns, each of which makes a clip; `-` is standard input. */
  readonly pictures: readonly string[]
  /** Further files that are read, which no clip may take the place of. */
  readonly others?: readonly string[]
  /** Whether they are clips, which the command reads itself. */
  readonly areClips?: boolean
  /** Clips of each picture, with seeds in a row. Default: 1. */
  readonly batch?: number
  /** Whether of each picture's clips the best alone is written. */
  readonly best?: boolean
}

/** A clip of one of a picture's seeds. */
interface Candidate {
  readonly seed: number
  readonly clip: Clip
  /** Mean share of torn blocks, where the best is chosen. */
  readonly torn?: number
}

/** What is told of one clip. */
interface ClipReport {
  readonly output: readonly string[]
  readonly seed: number
  readonly milliseconds: Readonly<Record<string, number>>
  readonly settings: object
  /** Of a clip of several links. */
  readonly drift?: Drift | undefined
}

/**
 * Makes clips and writes them, with progress and a report. The model is opened once. Of several clips, one that fails
 * is told and left out.
 *
 * @param schema the name of what the settings are checked with, which is loaded late
 * @throws UsageError when an option is wrong, UserError when a clip cannot be made or written.
 */
export async function makeClips<T extends CheckedSettings | CheckedEdit | CheckedExtend>(
  { pictures: given, others = [], batch = 1, best = false, areClips = false }: Sources,
  {
    out,
    format,
    model,
    device,
    precision,
    size,
    guidance,
    memory,
    json,
    limit,
    fileSize,
    ...rest
  }: ClipOptions & Pick<AnimateSettings, 'motions' | 'seconds'>,
  schema: 'settingsSchema' | 'editSchema' | 'extendSchema',
  make: Make<T>,
): Promise<void> {
  const started = performance.now()
  if (best && batch === 1) throw new UsageError('--best chooses from several clips; give --batch with their number too')
  const file = { limit, size: fileSize }
  const schemas = await import('../pipeline/settings.js')
  const asked = { ...rest, ...size, ...guidance }
  const settings = asUsage(() =>
    schemas.parseSettings(asked, (name) => FLAGS[name] ?? `--${name}`, schemas[schema]),
  ) as T
  const seed = settings.seed ?? crypto.getRandomValues(new Uint32Array(1))[0]!
  const seeds = Array.from({ length: batch }, (_, i) => seed + i)
  const pictures = await expandPatterns(given)
  const places = outputPlaces({ out, format, pictures, seeds, best })
  if (json && out === STANDARD) throw new UsageError('-o is -; leave out --json, which goes to standard output too')
  await checkPlaces(places, [...pictures, ...others])
  const isClear = rest.alpha === 'keep' || rest.alpha === 'key'
  if (isClear) await checkTransparent(places, format)
  const { ImageToVideo } = await import('../pipeline/pretrained.node.js')
  const { pictureOf } = await import('../media/picture-input.node.js')

  const line = new StatusLine()
  let failures = 0
  try {
    const several = places.clips.length > 1 || best
    const sfv = await ImageToVideo.fromPretrained(model, {
      device,
      precision,
      memory,
      lowMemory: !several,
      onPull: ({ file, done, total }) => line.show(`fetching ${file}, ${((100 * done) / total).toFixed(0)} %`),
      optimize: settings.steps > 1,
      // A thread takes time to start, and nothing else is to be done meanwhile.
      worker: false,
    })
    const reports: ClipReport[] = []
    const candidates = new Map<string, Candidate[]>()
    let before = started
    let last: { readonly picture: string; readonly pixels: PictureInput } | undefined
    for (const place of places.clips) {
      const meter = new StageMeter(line)
      try {
        // Standard input can be read once alone.
        if (last?.picture !== place.picture) {
          const from = place.picture === STANDARD ? process.stdin : place.picture
          last = { picture: place.picture, pixels: areClips ? place.picture : await pictureOf(from) }
        }
        // Nothing is written yet, so Ctrl-C may end the process on the spot: a handler would wait for a network to
        // finish.
        const made: Candidate[] = []
        for (const seed of best ? seeds : [place.seed])
          made.push({ seed, clip: await make(sfv, last.pixels, settings, { seed, onProgress: meter.report }) })
        const ranked = best ? await fromTheBest(made) : made
        const { clip } = ranked[0]!
        const output = await interruptible((signal) =>
          save(clip, place, format, { ...file, transparent: isClear && clip.alpha ? true : undefined, signal }),
        )
        meter.at('save', 1, 1)
        const now = performance.now()
        const timings = { ...meter.timings, total: now - before }
        const drift = await driftIn(clip)
        if (!json && place.out !== STANDARD) {
          line.note(wrote(output, timings.total, clip))
          if (drift) line.note(`drift from the first frame: ${drifted(drift)}`)
        }
        reports.push({ ...reportOf(output, clip, { ...settings, model, device, precision }, timings), drift })
        if (batch > 1) candidates.set(place.picture, [...(candidates.get(place.picture) ?? []), ...ranked])
        before = now
      } catch (error) {
        if (!several || !(error instanceof UserError)) throw error
        failures++
        line.note(`sfv: ${messageOf(error)}`)
      }
    }
    const sheets = await writeSheets(places, candidates)
    line.clear()
    if (json) process.stdout.write(`${JSON.stringify(several ? { clips: reports, sheets } : reports[0])}\n`)
    else for (const sheet of sheets) line.note(`wrote ${sheet}, the contact sheet`)
  } finally {
    line.clear()
  }
  if (failures > 0) {
    throw new UserError(
      `${failures} of ${places.clips.length} clips could not be made; see above, and give those again`,
    )
  }
}

/** Checks all that can be checked before any work is done. */
async function checkPlaces({ clips, sheets }: OutputPlaces, sources: readonly string[]): Promise<void> {
  const { checkOutput, overwrites } = await import('../media/output.node.js')
  const outputs = [...clips.map(({ out }) => out), ...sheets.values()]
  for (const out of outputs) {
    if (out === STANDARD) continue
    await checkOutput(out)
    for (const source of sources) {
      if (source !== STANDARD && (await overwrites(out, source))) {
        throw new UserError(`${out} would take the place of ${source}, which is read; choose another name`)
      }
    }
  }
}

/** Checks that the files can hold the transparency that is asked for. */
async function checkTransparent({ clips }: OutputPlaces, format: ClipOptions['format']): Promise<void> {
  const { checkExport, OPAQUE_IN_NODE } = await import('../media/export-settings.js')
  const { formatOf } = await import('../media/output.node.js')
  for (const { out } of clips)
    checkExport({ format: out === STANDARD ? format! : formatOf(out), transparent: true }, OPAQUE_IN_NODE)
}

/** The names of the files written. */
async function save(
  clip: Clip,
  { out }: ClipPlace,
  format: ClipOptions['format'],
  options: ExportOptions,
): Promise<readonly string[]> {
  if (out !== STANDARD) return clip.save(out, options)
  const bytes = await clip.toBuffer(format!, options)
  await new Promise<void>((resolve, reject) =>
    process.stdout.write(bytes, (error) => (error ? reject(error) : resolve())),
  )
  return [out]
}

/** Candidates from the best to the worst. */
async function fromTheBest(made: readonly Candidate[]): Promise<Candidate[]> {
  const { rankClips } = await import('../evaluation/rank.js')
  return rankClips(made.map(({ clip }) => clip.frames)).map(({ index, torn }) => ({ ...made[index]!, torn }))
}

/** Writes a contact sheet of each picture's candidates: a row for each seed. */
async function writeSheets(
  { sheets }: OutputPlaces,
  candidates: ReadonlyMap<string, readonly Candidate[]>,
): Promise<string[]> {
  if (sheets.size === 0) return []
  const { writeSheet } = await import('../media/sheet.node.js')
  const written: string[] = []
  for (const [picture, path] of sheets) {
    const clips = candidates.get(picture)
    if (!clips) continue
    const labels = clips.map(({ seed, torn }) =>
      torn === undefined ? `seed ${seed}` : `seed ${seed}, ${(100 * torn).toFixed(1)} % torn`,
    )
    const scale = Math.min(1, SHEET_FRAME / clips[0]!.clip.frames.width)
    await writeSheet(
      path,
      clips.map(({ clip }) => clip.frames),
      { labels, scale },
    )
    written.push(path)
  }
  return written
}

/** The widest that a frame is on a contact sheet, in pixels. */
const SHEET_FRAME = 128

function wrote(files: readonly string[], milliseconds: number, clip: Clip): string {
  const what = files.length === 1 ? files[0] : `${files.length} files, ${files[0]} the first,`
  return `wrote ${what} in ${(milliseconds / 1000).toFixed(1)} s (seed ${clip.metadata['seed']})`
}

/** How far a clip of several links drifts; nothing of any other. */
async function driftIn({ frames, metadata }: Clip): Promise<Drift | undefined> {
  if (metadata['links'] === undefined) return undefined
  const { driftOf } = await import('../evaluation/drift.js')
  return driftOf(frames, Number(metadata['frames']))
}

function drifted({ first, last }: Drift): string {
  const decibels = `colours ${first.colours.toFixed(1)} dB in the first clip, ${last.colours.toFixed(1)} dB in the last`
  return `${decibels}; sharpness ${(100 * first.sharpness).toFixed(0)} %, ${(100 * last.sharpness).toFixed(0)} %`
}

function reportOf(
  output: readonly string[],
  { frames: { width, height, count }, metadata }: Clip,
  settings: object,
  timings: Readonly<Record<string, number>>,
): ClipReport {
  const seed = Number(metadata['seed'])
  const milliseconds = Object.fromEntries(Object.entries(timings).map(([stage, time]) => [stage, Math.round(time)]))
  const motion = Number(metadata['motion'])
  return { output, seed, milliseconds, settings: { ...settings, seed, motion, frames: count, width, height } }
}
