import { zipSync } from 'fflate'
import type { ClipFile, ExportProgress, ExportSettings } from '../../src/web/index.js'
import { endingOf, type Purpose } from '../../src/media/purposes.js'
import { OPAQUE } from './purposes.js'
import { finished } from './reel.js'
import type { Look, Made } from './store.js'

/** A file that can be saved, and what was given up for its size. */
export interface Ready {
  readonly blob: Blob
  readonly name: string
  /** Of what is left: `64 colours, 7 pictures`; empty where nothing was given up. */
  readonly gave: string
  readonly width: number
  readonly height: number
}

/** How the making of a file goes. */
export interface Saving {
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: ExportProgress) => void
}

/** Makes the file of a clip for a purpose. */
export async function fileFor(made: Made, purpose: Purpose, look: Look, saving: Saving = {}): Promise<Ready> {
  const { format, size, exactSize, limit } = purpose
  const clip = finished(made.clip, look, purpose)
  const settings: ExportSettings = {
    format,
    size,
    exactSize,
    limit,
    ...(OPAQUE.includes(format) ? { transparent: false } : {}),
  }
  const file = await clip.toFile(settings, saving)
  const base = `sfv-${slug(made.name)}-${purpose.id}-${made.seed}`
  const { width, height } = file
  const ready = { gave: gaveOf(file, purpose), width, height }
  if (purpose.id !== 'web-page') return { ...ready, blob: file.blob, name: `${base}.${endingOf(format)}` }
  return { ...ready, blob: await pageOf(file, base, made.name), name: `${base}.zip` }
}

/** Several clips for one purpose, as one zip: a pack of stickers. */
export async function packFor(all: readonly Made[], purpose: Purpose, look: Look, saving: Saving): Promise<Ready> {
  const files: Record<string, Uint8Array> = {}
  for (const [index, made] of all.entries()) {
    const { blob, name } = await fileFor(made, purpose, look, saving)
    const number = String(index + 1).padStart(2, '0')
    files[`${number}-${name}`] = new Uint8Array(await blob.arrayBuffer())
  }
  // What is in it is compressed already.
  const blob = new Blob([zipSync(files, { level: 0 })], { type: 'application/zip' })
  return { blob, name: `sfv-${purpose.id}-pack.zip`, gave: '', width: 0, height: 0 }
}

/** The clip, and a page that shows how to embed it. */
async function pageOf({ blob, width, height }: ClipFile, base: string, name: string): Promise<Blob> {
  const image = `<img src="${base}.webp" width="${width}" height="${height}" alt="${slug(name).replaceAll('-', ' ')}">`
  const page = `<!doctype html>\n<meta charset="utf-8">\n<title>${slug(name)}</title>\n${image}\n`
  const files = {
    [`${base}.webp`]: new Uint8Array(await blob.arrayBuffer()),
    [`${base}.html`]: new TextEncoder().encode(page),
  }
  return new Blob([zipSync(files, { level: 0 })], { type: 'application/zip' })
}

function gaveOf({ quality, width, frames }: ClipFile, { format, limit }: Purpose): string {
  if (limit === undefined) return ''
  const hasPalette = format === 'gif' || format === 'apng' || format === 'png'
  return [
    hasPalette && quality.colours && `${quality.colours} colours`,
    quality.every > 1 && `${frames} pictures`,
    quality.scale < 1 && `${width} px`,
  ]
    .filter(Boolean)
    .join(', ')
}

/** A name as files have it: small letters, digits, hyphens. */
function slug(name: string): string {
  const words = name
    .replace(/\.\w{2,5}$/, '')
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
  return words.replace(/^-|-$/g, '').slice(0, 40) || 'clip'
}
