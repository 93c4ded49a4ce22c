import { readdir } from 'node:fs/promises'
import { basename, extname, join } from 'node:path'
import { Command } from 'commander'
import { UserError } from '../errors.js'
import type { Clip } from '../media/clip.node.js'
import type { Frames } from '../media/frames.js'
import { PURPOSES, type Purpose } from '../media/purposes.js'
import type { DeviceChoice } from '../runtime/device-names.js'
import { interruptible } from './interrupt.js'
import { deviceOption, modelOption, numeric, UsageError } from './options.js'
import { StageMeter, StatusLine } from './progress.js'

/** What each name of `--for` stands for; any purpose may also be named by itself. */
const PLACES: Readonly<Record<string, string>> = {
  telegram: 'telegram-sticker',
  whatsapp: 'whatsapp-sticker',
  slack: 'slack-emoji',
  discord: 'discord-sticker',
  imessage: 'imessage-sticker',
}

/** Purposes that are stickers or emoji. */
const STICKERS: readonly Purpose[] = PURPOSES.filter(({ id }) => /-(sticker|emoji)$/.test(id))

const EXAMPLES = `
Examples:
  sfv stickers faces/ --for telegram,whatsapp -o pack/ a looping sticker of each picture for both, and pack/sheet.png
  sfv stickers faces/ --for slack,discord -o pack/ --motion low --seed 3
                                                       calmer ones, and the same each time
  sfv stickers faces/ --for telegram-emoji -o pack/    small ones, by the name of what they are

What they are for, and what each place takes:
${STICKERS.map(({ id, about, most }) => `  ${id.padEnd(17)} ${about}${most === undefined || about.includes(' s ') ? '' : `, up to ${most} s`}`).join('\n')}
telegram, whatsapp, discord and imessage mean stickers, slack means emoji.

Pictures on white are cut out; those with transparency keep it, as far as the model does; photographs stay whole.
Telegram's files are WebM: their transparency wants an ffmpeg with libvpx-vp9 on PATH. Files are pack/PLACE/NN-NAME.ENDING.`

interface Options {
  readonly for: string
  readonly out: string
  readonly model: string
  readonly steps: number
  readonly motion?: number
  readonly seed?: number
  readonly device: DeviceChoice
  readonly json?: true
}

/** A sticker as it is told of. */
interface StickerReport {
  readonly file: string
  readonly purpose: string
  readonly bytes: number
  readonly width: number
  readonly height: number
  readonly frames: number
  readonly seed: number
}

/** `sfv stickers FOLDER --for PLACES -o PACK`. */
export function stickersCommand(): Command {
  return new Command('stickers')
    .description('make a pack of looping stickers of a folder of pictures')
    .argument('<folder>', 'folder of pictures: PNG, JPEG, WebP, GIF, AVIF or TIFF')
    .requiredOption('--for <places>', `one or more of ${Object.keys(PLACES).join(', ')}`)
    .requiredOption('-o, --out <folder>', 'new folder to write')
    .addOption(modelOption())
    .option('--steps <n>', 'forward passes: 1 uses the student, more the teacher', numeric, 1)
    .option('--motion <much>', 'how much shall move: low, medium, high, or 0 to 255', numeric)
    .option('--seed <n>', 'whole number that all randomness comes from (default: another each time)', numeric)
    .addOption(deviceOption())
    .option('--json', 'print what was done as one JSON object')
    .addHelpText('after', EXAMPLES)
    .action(stickers)
}

async function stickers(folder: string, { for: places, out, model, json, device, ...asked }: Options): Promise<void> {
  const purposes = purposesOf(places)
  const pictures = await picturesIn(folder)
  await checkNew(out)
  const { parseSettings } = await import('../pipeline/settings.js')
  const seed = asked.seed ?? crypto.getRandomValues(new Uint32Array(1))[0]!
  // Wrong settings are told before the model is opened.
  parseSettings({ ...asked, seed, loop: true }, (name) => `--${name}`)
  const { ImageToVideo } = await import('../pipeline/pretrained.node.js')
  const { readImage } = await import('../media/image.node.js')
  const line = new StatusLine()
  try {
    const sfv = await ImageToVideo.fromPretrained(model, { device, worker: false })
    const files = new Map<string, Uint8Array>()
    const reports: StickerReport[] = []
    const rows: { readonly name: string; readonly frames: Frames }[] = []
    for (const [index, path] of pictures.entries()) {
      const name = `${String(index + 1).padStart(2, '0')}-${nameOf(path)}`
      line.show(`${basename(path)}, ${index + 1} of ${pictures.length}`)
      const own = { seed: seed + index, onProgress: new StageMeter(line).report }
      const clip = await sfv.animate(await readImage(path), { ...asked, ...own, loop: true, alpha: 'key' })
      rows.push({ name, frames: someOf(clip.frames) })
      for (const purpose of purposes) {
        line.show(`${name} for ${purpose.id}`)
        const made = await interruptible((signal) => fileOf(clip, purpose, signal)).catch((error: Error) => {
          throw error instanceof UserError ? new UserError(`${path} for ${purpose.id}: ${error.message}`) : error
        })
        const file = join(out, purpose.id, `${name}.${made.ending}`)
        files.set(file, made.bytes)
        const { width, height, frames } = made
        reports.push({
          file,
          purpose: purpose.id,
          bytes: made.bytes.length,
          width,
          height,
          frames,
          seed: seed + index,
        })
      }
    }
    await sfv.dispose()
    const sheet = join(out, 'sheet.png')
    const { drawSheet } = await import('../media/sheet.node.js')
    const labels = rows.map(({ name }) => name)
    files.set(
      sheet,
      await drawSheet(
        rows.map((row) => row.frames),
        { labels, scale: Math.min(1, 128 / rows[0]!.frames.width) },
      ),
    )
    const { writeFilesAtomic } = await import('../media/write-files.node.js')
    await writeFilesAtomic(files)
    line.clear()
    if (json) process.stdout.write(`${JSON.stringify({ stickers: reports, sheet, seed })}\n`)
    else
      line.note(
        `wrote ${reports.length} stickers of ${pictures.length} pictures into ${out}, and ${sheet} (seed ${seed})`,
      )
  } finally {
    line.clear()
  }
}

function purposesOf(places: string): Purpose[] {
  const names = [...new Set(places.split(',').map((name) => name.trim()))]
  return names.map((name) => {
    const found = STICKERS.find(({ id }) => id === (PLACES[name] ?? name))
    if (found) return found
    const choices = [...Object.keys(PLACES), ...STICKERS.map(({ id }) => id)]
    throw new UsageError(`--for names ${name || 'nothing'}; give one or more of ${choices.join(', ')}`)
  })
}

const PICTURE = /\.(png|apng|jpe?g|jfif|webp|gif|avif|tiff?)$/i

async function picturesIn(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((error: Error) => {
    throw new UserError(`cannot read ${folder}: ${error.message}; give a folder of pictures`)
  })
  const pictures = names.filter((name) => PICTURE.test(name) && !name.startsWith('.'))
  if (pictures.length === 0) throw new UserError(`${folder} has no pictures; give a folder of PNG, JPEG or WebP files`)
  return pictures.sort((a, b) => a.localeCompare(b, 'en', { numeric: true })).map((name) => join(folder, name))
}

/** What somebody has in a folder is never mixed with a pack, nor replaced by it. */
async function checkNew(out: string): Promise<void> {
  const inside = await readdir(out).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw new UserError(`cannot write into ${out}: ${error.message}; give the name of a new folder`)
  })
  if (inside.length > 0) throw new UserError(`${out} has files in it already; give the name of a new folder`)
  const { checkOutput } = await import('../media/output.node.js')
  await checkOutput(`${out.replace(/[/\\]+$/, '')}/`)
}

/** A picture's name as files have it on every system. */
function nameOf(path: string): string {
  const plain = basename(path, extname(path)).normalize('NFC')
  return plain.replace(/[^\p{L}\p{N}._-]+/gu, '-').replace(/^-+|-+$/g, '') || 'sticker'
}

async function fileOf(clip: Clip, purpose: Purpose, signal: AbortSignal) {
  const { shapedClip } = await import('../media/shape-clip.js')
  const { exportClip } = await import('../media/export.node.js')
  const { endingOf } = await import('../media/purposes.js')
  const { format, size, exactSize, limit } = purpose
  const made = await exportClip(shapedClip(clip, purpose), { format, size, exactSize, limit }, { signal })
  return { ...made, ending: endingOf(format) }
}

/** The frames of a clip that the sheet shows. */
function someOf(frames: Frames): Frames {
  const count = Math.min(7, frames.count)
  const size = frames.data.length / frames.count
  const data = new Uint8Array(count * size)
  for (let i = 0; i < count; i++) {
    const at = Math.round((i * (frames.count - 1)) / Math.max(1, count - 1))
    data.set(frames.data.subarray(at * size, (at + 1) * size), i * size)
  }
  return { ...frames, count, data }
}
