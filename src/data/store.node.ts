import { open, readFile, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { inflateRawSync } from 'node:zlib'
import { z } from 'zod'
import { UserError } from '../errors.js'
import type { Frames, RgbaFrames } from '../media/frames.js'
import type { Split } from './splits.js'

/** The two files of a clip store. */
export const INDEX_FILE = 'index.json'
/** All frames of all clips, each a raw deflate stream of its own, so that any window is one short read. */
export const PIXELS_FILE = 'clips.bin'

const clipSchema = z.object({
  name: z.string(),
  /** Clips of one figure (an emoji in all its skin tones) are always in one split. */
  figure: z.string(),
  split: z.enum(['train', 'test', 'reserved']),
  /** Where the clip's first frame begins in the pixels file, in bytes. */
  offset: z.int().nonnegative(),
  /** Compressed bytes of each frame's RGB on white, one after another from `offset`. */
  sizes: z.array(z.int().positive()).min(1),
  /** Compressed bytes of each frame's opacity, behind the colours; absent where all is opaque. */
  alphaSizes: z.array(z.int().positive()).optional(),
  /** `frameDifferences` of the clip: what each frame changes against the one before, 0 to 1. */
  differences: z.array(z.number().nonnegative()),
})

/** The schema of a store's `index.json`. */
export const storeSchema = z.object({
  format: z.literal('sfv-clips-1'),
  width: z.int().positive(),
  height: z.int().positive(),
  fps: z.number().min(0.01).max(1000),
  clips: z.array(clipSchema),
})

/** What the index says of one clip. */
export type ClipRecord = Readonly<z.infer<typeof clipSchema>>

/** What a store's `index.json` holds. */
export type StoreIndex = z.infer<typeof storeSchema>

const WHITE = [255, 255, 255] as const

/** Reads windows of frames from a store that `writeClipStore` made. Numbers count the clips of the opened splits. */
export class ClipStore {
  private constructor(
    private readonly file: FileHandle,
    readonly width: number,
    readonly height: number,
    /** Frames per second that the clips were sampled at. */
    readonly fps: number,
    readonly clips: readonly ClipRecord[],
  ) {}

  /**
   * Opens the clips of the given splits that have at least `minimumFrames`; no other can be read through it.
   *
   * @throws UserError when the folder holds no store, a damaged one, or no such clip.
   */
  static async open(folder: string, splits: readonly Split[] = ['train'], minimumFrames = 1): Promise<ClipStore> {
    const path = join(folder, INDEX_FILE)
    let index: StoreIndex
    try {
      index = storeSchema.parse(JSON.parse(await readFile(path, 'utf8')))
    } catch (error) {
      const reason =
        error instanceof z.ZodError ? z.prettifyError(error).split('\n').join(' ') : (error as Error).message
      throw new UserError(`cannot read the clip store ${path}: ${reason}; make it with \`sfv data\``)
    }
    const pixels = join(folder, PIXELS_FILE)
    const file = await open(pixels, 'r').catch((error: Error) => {
      throw new UserError(`cannot read the clip store ${pixels}: ${error.message}; make it with \`sfv data\``)
    })
    const bytes = Math.max(0, ...index.clips.map((clip) => clip.offset + sum(clip.sizes) + sum(clip.alphaSizes ?? [])))
    if ((await file.stat()).size < bytes) {
      await file.close()
      throw new UserError(
        `${pixels} is cut short of the ${bytes} bytes its index names; make it again with \`sfv data\``,
      )
    }
    const clips = index.clips.filter((clip) => splits.includes(clip.split) && clip.sizes.length >= minimumFrames)
    if (clips.length === 0) {
      await file.close()
      const wanted = `no clip of ${minimumFrames} frames or more for ${splits.join(', ')}`
      throw new UserError(`${path} has ${wanted}; give a store with longer clips, or ask for fewer frames`)
    }
    return new ClipStore(file, index.width, index.height, index.fps, clips)
  }

  /** How many frames a clip has. */
  length(clip: number): number {
    return this.record(clip).sizes.length
  }

  /**
   * Frames `start` to `start + count - 1` of a clip, on a background colour (white unless told).
   *
   * @throws Error when the clip has no such frames.
   */
  async clip(
    clip: number,
    start: number,
    count: number,
    background: readonly [number, number, number] = WHITE,
  ): Promise<Frames> {
    const { offset, sizes, alphaSizes, name } = this.record(clip)
    if (start < 0 || count < 1 || start + count > sizes.length) {
      throw new Error(`clip ${name} has ${sizes.length} frames, not ${start} to ${start + count - 1}`)
    }
    const { width, height } = this
    const data = await this.read(offset, sizes, start, count, width * height * 3)
    if (alphaSizes && background.some((value) => value !== 255)) {
      const alpha = await this.read(offset + sum(sizes), alphaSizes, start, count, width * height)
      moveFromWhite(data, alpha, background)
    }
    return { width, height, count, data }
  }

  /**
   * Any frames of a clip, in any order, with their transparency; opaque where the store has none. Only these are read.
   *
   * @param frames their numbers, as of every fourth frame or backwards
   * @throws Error when the clip has no such frame.
   */
  async rgba(clip: number, frames: readonly number[]): Promise<RgbaFrames> {
    const { offset, sizes, alphaSizes, name } = this.record(clip)
    const unknown = frames.find((frame) => !(frame in sizes))
    if (unknown !== undefined) throw new Error(`clip ${name} has ${sizes.length} frames, so none of number ${unknown}`)
    const { width, height } = this
    const stride = width * height
    const data = new Uint8Array(frames.length * stride * 4)
    const [colours, alphas] = [starts(offset, sizes), starts(offset + sum(sizes), alphaSizes ?? [])]
    await Promise.all(
      frames.map(async (frame, i) => {
        const [colour, alpha] = await Promise.all([
          this.frame(colours[frame]!, sizes[frame]!, stride * 3),
          alphaSizes && this.frame(alphas[frame]!, alphaSizes[frame]!, stride),
        ])
        premultiply(colour, alpha, data.subarray(i * stride * 4, (i + 1) * stride * 4))
      }),
    )
    return { width, height, count: frames.length, data }
  }

  /** Closes the file; reading afterwards fails. */
  async close(): Promise<void> {
    await this.file.close()
  }

  private record(clip: number): ClipRecord {
    const record = this.clips[clip]
    if (!record) throw new Error(`no clip ${clip} in a store of ${this.clips.length}`)
    return record
  }

  private async frame(at: number, size: number, length: number): Promise<Uint8Array> {
    const packed = Buffer.allocUnsafe(size)
    await this.file.read(packed, 0, size, at)
    return inflateRawSync(packed, { maxOutputLength: length })
  }

  private async read(offset: number, sizes: readonly number[], start: number, count: number, stride: number) {
    const window = sizes.slice(start, start + count)
    const packed = Buffer.allocUnsafe(sum(window))
    await this.file.read(packed, 0, packed.length, offset + sum(sizes.slice(0, start)))
    const data = new Uint8Array(count * stride)
    let at = 0
    window.forEach((size, i) => {
      data.set(unpacked(packed.subarray(at, at + size), stride), i * stride)
      at += size
    })
    return data
  }
}

/** A picture of `length` bytes. */
function unpacked(packed: Uint8Array, length: number): Uint8Array {
  try {
    const data = inflateRawSync(packed, { maxOutputLength: length })
    if (data.length === length) return data
  } catch {
    // Said below.
  }
  throw new UserError(
    `a clip store is damaged: ${PIXELS_FILE} does not hold what ${INDEX_FILE} says; make it again with \`sfv data\``,
  )
}

/** Exchanges the white that shows through for another colour: `x - (1 - alpha) (255 - background)`. */
function moveFromWhite(data: Uint8Array, alpha: Uint8Array, background: readonly [number, number, number]): void {
  for (let i = 0; i < alpha.length; i++) {
    const through = 1 - (alpha[i] as number) / 255
    for (let c = 0; c < 3; c++) {
      const at = i * 3 + c
      data[at] = Math.max(0, (data[at] as number) - through * (255 - (background[c] as number)) + 0.5)
    }
  }
}

/** Takes the white out of colours on white: `x - (255 - alpha)`, which is the colour times its opacity. */
function premultiply(onWhite: Uint8Array, alpha: Uint8Array | undefined, target: Uint8Array): void {
  for (let i = 0, from = 0, to = 0; to < target.length; i++, from += 3, to += 4) {
    const a = alpha ? alpha[i]! : 255
    const white = 255 - a
    // Rounding in the store, by half a level, is what the clamp at 0 takes away.
    for (let c = 0; c < 3; c++) target[to + c] = Math.max(0, onWhite[from + c]! - white)
    target[to + 3] = a
  }
}

/** Where each of some pieces in a row begins. */
function starts(offset: number, sizes: readonly number[]): number[] {
  let end = offset
  return sizes.map((size) => (end += size) - size)
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
