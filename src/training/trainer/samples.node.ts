import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { encodeWebp } from '../../media/encode/webp.node.js'
import { type Frames } from '../../media/frames.js'
import { writeSheet } from '../../media/sheet.node.js'
import { writeFileAtomic } from '../../runtime/files.node.js'
import { type Sample } from '../objectives/objective.js'
import { type EventImage } from './tensorboard.js'

/** Rows of samples that a moving sheet shows side by side. */
const COLUMNS = 2
const GAP = 2
const GREY = 224

/** Where the samples of a step lie. */
export const samplesOf = (folder: string, step: number) => join(folder, `step-${String(step).padStart(7, '0')}`)

/**
 * Writes the samples of a step: a sheet of all frames (.png), and where they move a clip of all samples playing beside
 * their references (.webp). Returns the sheet.
 */
export async function writeSamples(folder: string, step: number, samples: readonly Sample[], fps: number) {
  const path = samplesOf(folder, step)
  const rows = samples.flatMap(({ reference, frames }) => (reference === undefined ? [frames] : [reference, frames]))
  await writeSheet(`${path}.png`, rows)
  if (samples.every(({ frames }) => frames.count > 1)) {
    const clip = { frames: playing(samples), fps, metadata: { step: String(step) } }
    await writeFileAtomic(`${path}.webp`, await encodeWebp(clip))
  }
  const png = await readFile(`${path}.png`)
  const { width, height } = await sharp(png).metadata()
  return { file: `${path}.png`, image: { png, width, height } satisfies EventImage }
}

/** All samples in one clip, each a cell of reference and result, in rows of cells. */
function playing(samples: readonly Sample[]): Frames {
  const { width, height, count } = samples[0]!.frames
  const cells = samples.map(({ reference, frames }) => (reference === undefined ? [frames] : [reference, frames]))
  const columns = Math.min(COLUMNS, cells.length) * cells[0]!.length
  const clips = cells.flat()
  const rows = Math.ceil(clips.length / columns)
  const sheet = { width: columns * (width + GAP) - GAP, height: rows * (height + GAP) - GAP, count }
  const data = new Uint8Array(3 * sheet.width * sheet.height * count).fill(GREY)
  clips.forEach((clip, i) => {
    const [x, y] = [(i % columns) * (width + GAP), Math.floor(i / columns) * (height + GAP)]
    for (let line = 0; line < height * count; line++) {
      const [f, row] = [Math.floor(line / height), line % height]
      const source = clip.data.subarray(3 * line * width, 3 * (line + 1) * width)
      data.set(source, 3 * ((f * sheet.height + y + row) * sheet.width + x))
    }
  })
  return { ...sheet, data }
}
