import { randomBytes } from 'node:crypto'
import { open, readdir, rename, rm, rmdir, type FileHandle } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { deflateRaw } from 'node:zlib'
import { UserError } from '../errors.js'
import type { ClipFrame } from '../media/clip-frame.js'
import type { Size } from '../media/resize.js'
import { makeFolder, writeFileAtomic } from '../runtime/files.node.js'
import { pictureDifference } from './motion.js'
import { INDEX_FILE, PIXELS_FILE, type ClipRecord, type StoreIndex } from './store.node.js'
import type { Split } from './splits.js'

/** A clip on its way into a store: pictures of the store's size and rate, laid onto white. */
export interface StoredClip {
  readonly name: string
  readonly figure: string
  readonly split: Split
  readonly pictures: AsyncIterable<ClipFrame> | Iterable<ClipFrame>
}

const deflate = promisify(deflateRaw)

/** Pictures of a clip that are compressed at the same time. */
const AT_A_TIME = 4
/** Compressed bytes of a clip that wait in memory while another clip is written. */
const MOST_WAITING = 2 ** 25

/**
 * Checks, before any work is done, that a store may be written to a folder.
 *
 * @param force whether it may take the place of another
 * @throws UserError when the folder holds one already.
 */
export async function checkStorePlace(folder: string, force = false): Promise<void> {
  if (force) return
  const names: readonly string[] = await readdir(folder).catch(() => [])
  if (names.includes(INDEX_FILE) || names.includes(PIXELS_FILE))
    throw new UserError(`${folder} holds a clip store already; give another folder, or add --force to replace it`)
}

/** Writes a clip store; it appears in its folder as a whole, when `finish` is called. */
export class ClipStoreWriter {
  private readonly clips: ClipRecord[] = []
  private end = 0
  private turn: Promise<void> = Promise.resolve()

  private constructor(
    private readonly folder: string,
    /** The outermost folder that was made for the store. */
    private readonly made: string | undefined,
    private readonly temporary: string,
    private readonly file: FileHandle,
    private readonly size: Size,
    private readonly fps: number,
  ) {}

  /**
   * Begins a store of clips of `size` pixels at `fps` frames per second.
   *
   * @throws UserError when the folder cannot be written to.
   */
  static async create(folder: string, size: Size, fps: number): Promise<ClipStoreWriter> {
    const temporary = join(folder, `.${PIXELS_FILE}.${randomBytes(4).toString('hex')}.part`)
    try {
      const made = await makeFolder(folder)
      return new ClipStoreWriter(folder, made, temporary, await open(temporary, 'wx'), size, fps)
    } catch (error) {
      throw new UserError(`cannot write ${folder}: ${(error as Error).message}; choose a folder you may write to`)
    }
  }

  /**
   * Adds a clip, picture by picture, so that it may be of any length. May be called again before an earlier call is
   * done: clips lie one behind the other, and what no longer fits into memory waits. A clip that throws leaves nothing
   * behind.
   */
  async add({ name, figure, split, pictures }: StoredClip): Promise<void> {
    const packer = new ClipPacker(name, this.size)
    let release: (() => void) | undefined
    let at = 0
    const flush = async () => {
      release ??= await this.takeTurn()
      at += await this.write(packer.take(), this.end + at)
    }
    try {
      for await (const picture of pictures) {
        await packer.add(picture)
        if (release || packer.waiting > MOST_WAITING) await flush()
      }
      const alphas = await packer.finish()
      await flush()
      at += await this.write(alphas, this.end + at)
      this.clips.push({ name, figure, split, offset: this.end, ...packer.record(alphas) })
      this.end += at
    } finally {
      release?.()
    }
  }

  /** Waits until no other clip is being written; the answer ends one's own turn. */
  private async takeTurn(): Promise<() => void> {
    const before = this.turn
    let release!: () => void
    this.turn = new Promise((resolve) => (release = resolve))
    await before
    return release
  }

  /** How many bytes were written. */
  private async write(parts: readonly Buffer[], offset: number): Promise<number> {
    const packed = Buffer.concat(parts)
    for (let done = 0; done < packed.length;) {
      const { bytesWritten } = await this.file
        .write(packed, done, packed.length - done, offset + done)
        .catch((error: Error) => {
          throw new UserError(`cannot write ${this.temporary}: ${error.message}; make room on the disk`)
        })
      done += bytesWritten
    }
    return packed.length
  }

  /** Clips added so far. */
  get count(): number {
    return this.clips.length
  }

  /** Puts the store in place: the pixels first, then the index, sorted by name, which makes it a store. */
  async finish(): Promise<StoreIndex> {
    // A clip that failed may have left bytes behind the last one.
    await this.file.truncate(this.end)
    await this.file.sync()
    await this.file.close()
    const index: StoreIndex = {
      format: 'sfv-clips-1',
      width: this.size.width,
      height: this.size.height,
      fps: this.fps,
      clips: this.clips.sort((a, b) => (a.name < b.name ? -1 : 1)).map((clip) => ({ ...clip })),
    }
    await rm(join(this.folder, INDEX_FILE), { force: true })
    await rename(this.temporary, join(this.folder, PIXELS_FILE))
    await writeFileAtomic(join(this.folder, INDEX_FILE), JSON.stringify(index))
    return index
  }

  /** Leaves nothing behind; for a store that will not be finished. */
  async abandon(): Promise<void> {
    await this.file.close()
    await rm(this.temporary, { force: true })
    if (this.made === undefined) return
    // Folders that somebody else has filled meanwhile stay.
    for (let folder = resolve(this.folder); folder.startsWith(resolve(this.made)); folder = dirname(folder))
      if (
        !(await rmdir(folder).then(
          () => true,
          () => false,
        ))
      )
        return
  }
}

/** Compresses the pictures of one clip, and measures what changes between them. */
class ClipPacker {
  /** Compressed bytes that were not yet taken. */
  waiting = 0
  private readonly sizes: number[] = []
  private readonly differences: number[] = []
  private readonly alphas: (Buffer | undefined)[] = []
  private batch: ClipFrame[] = []
  private packed: Buffer[] = []
  private last: ClipFrame | undefined

  constructor(
    private readonly name: string,
    private readonly size: Size,
  ) {}

  async add(picture: ClipFrame): Promise<void> {
    const { width, height, data } = picture
    if (width !== this.size.width || height !== this.size.height)
      throw new Error(`clip ${this.name} is ${width}x${height}`)
    if (this.last) this.differences.push(Number(pictureDifference(this.last.data, data).toPrecision(4)))
    this.last = picture
    if (this.batch.push(picture) >= AT_A_TIME) await this.pack()
  }

  /** Compressed pictures that nobody took yet. */
  take(): Buffer[] {
    const taken = this.packed
    this.packed = []
    this.waiting = 0
    return taken
  }

  /** The opacities of all pictures, which lie behind the colours; none where all is opaque. */
  async finish(): Promise<Buffer[]> {
    await this.pack()
    if (this.sizes.length === 0) throw new Error(`clip ${this.name} has no pictures`)
    if (this.alphas.every((alpha) => alpha === undefined)) return []
    const opaque = await packBytes(new Uint8Array(this.size.width * this.size.height).fill(255))
    return this.alphas.map((alpha) => alpha ?? opaque)
  }

  record(alphas: readonly Buffer[]): Pick<ClipRecord, 'sizes' | 'alphaSizes' | 'differences'> {
    const alphaSizes = alphas.length > 0 ? { alphaSizes: alphas.map((alpha) => alpha.length) } : {}
    return { sizes: this.sizes, ...alphaSizes, differences: this.differences }
  }

  private async pack(): Promise<void> {
    const pictures = this.batch
    this.batch = []
    const packed = await Promise.all(pictures.map(({ data }) => packBytes(data)))
    this.alphas.push(...(await Promise.all(pictures.map(async ({ alpha }) => alpha && (await packBytes(alpha))))))
    for (const { length } of packed) {
      this.sizes.push(length)
      this.waiting += length
    }
    this.packed.push(...packed)
  }
}

/** Level 1: the higher ones save 5 % and take three times as long. */
function packBytes(data: Uint8Array): Promise<Buffer> {
  return deflate(data, { level: 1 })
}
