import sharp, { type OverlayOptions } from 'sharp'
import { writeFileAtomic } from '../runtime/files.node.js'
import { frameAt, type Frames, type Picture } from './frames.js'

/** What `writeSheet` may be told. */
export interface SheetOptions {
  /** Text at the left of each row. */
  readonly labels?: readonly string[]
  /** Factor on the size of all frames; 1 unless told. */
  readonly scale?: number
}

const GAP = 2
const BACKGROUND = { r: 224, g: 224, b: 224 }
const FONT_SIZE = 13

/**
 * Writes a contact sheet as PNG: one row for each clip, its frames side by side with thin gaps; rows may differ in
 * length and size.
 *
 * @throws UserError when the file cannot be written.
 */
export async function writeSheet(path: string, rows: readonly Frames[], options: SheetOptions = {}): Promise<void> {
  await writeFileAtomic(path, await drawSheet(rows, options))
}

/** The same as the bytes of a PNG. */
export async function drawSheet(
  rows: readonly Frames[],
  { labels = [], scale = 1 }: SheetOptions = {},
): Promise<Uint8Array> {
  // Letters of a sans-serif font are seldom wider than 0.62 of its size.
  const longest = Math.max(0, ...labels.map((label) => label.length))
  const margin = longest > 0 ? Math.ceil(longest * FONT_SIZE * 0.62) + FONT_SIZE : 0
  const parts: OverlayOptions[] = []
  let [right, top] = [margin + GAP, GAP]
  for (const [index, row] of rows.entries()) {
    const label = labels[index]
    let [left, bottom] = [margin + GAP, top + (label ? FONT_SIZE * 2 : 0)]
    for (let i = 0; i < row.count; i++) {
      const { data: input, width, height } = await scalePicture(frameAt(row, i), scale)
      parts.push({ input, raw: { width, height, channels: 3 }, left, top })
      left += width + GAP
      bottom = Math.max(bottom, top + height)
    }
    if (label) parts.push({ input: drawLabel(label, margin, bottom - top), left: 0, top })
    right = Math.max(right, left)
    top = bottom + GAP
  }
  const sheet = sharp({ create: { width: right, height: top, channels: 3, background: BACKGROUND } })
  return sheet.composite(parts).removeAlpha().png().toBuffer()
}

async function scalePicture({ width, height, data }: Picture, scale: number): Promise<Picture & { data: Buffer }> {
  const resized = sharp(data, { raw: { width, height, channels: 3 } }).resize(
    Math.max(1, Math.round(width * scale)),
    Math.max(1, Math.round(height * scale)),
    { fit: 'fill', kernel: scale > 1 ? 'nearest' : 'lanczos3' },
  )
  const { data: pixels, info } = await resized.raw().toBuffer({ resolveWithObject: true })
  return { width: info.width, height: info.height, data: pixels }
}

function drawLabel(label: string, width: number, height: number): Buffer {
  const text = label.replace(/[&<>]/g, (letter) => `&#${letter.charCodeAt(0)};`).replace(/\p{Cc}/gu, ' ')
  return Buffer.from(
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">` +
      `<text x="${FONT_SIZE / 2}" y="${height / 2 + FONT_SIZE / 3}" font-family="sans-serif" font-size="${FONT_SIZE}">` +
      `${text}</text></svg>`,
  )
}
