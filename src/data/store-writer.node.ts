import { randomBytes } from 'node:crypto'
import { mkdir, open, rename, rm, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { deflateRaw } from 'node:zlib'
import { UserError } from '../errors.js'
import type { DecodedClip } from '../media/decode.node.js'
import type { Size } from '../media/resize.js'
import { writeFileAtomic } from '../runtime/files.node.js'
import { frameDifferences } from './motion.js'
import { INDEX_FILE, PIXELS_FILE, type ClipRecord, type StoreIndex } from './store.node.js'
import type { Split } from './splits.js'

/** A clip on its way into a store: frames of the store's size and rate, laid onto white. */
export interface StoredClip extends DecodedClip {
  readonly name: string
  readonly figure: string
  readonly split: Split
}

const deflate = promisify(deflateRaw)

/** Writes a clip store; it appears in its folder as a whole, when `finish` is called. */
export class ClipStoreWriter {
  private readonly clips: ClipRecord[] = []
  private end = 0

  private constructor(
    private readonly folder: string,
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
      await mkdir(folder, { recursive: true })
      return new ClipStoreWriter(folder, temporary, await open(temporary, 'wx'), size, fps)
    } catch (error) {
      throw new UserError(`cannot write ${folder}: ${(error as Error).message}; choose a folder you may write to`)
    }
  }

  /** Adds a clip. May be called again before an earlier call is done; clips then lie in order of their packing. */
  async add(clip: StoredClip): Promise<void> {
    const { width, height, count, data } = clip.frames
    if (width !== this.size.width || height !== this.size.height)
      throw new Error(`clip ${clip.name} is ${width}x${height}`)
    const colours = await packFrames(data, count)
    const alphas = clip.alpha ? await packFrames(clip.alpha, count) : []
    const packed = Buffer.concat([...colours, ...alphas])
    const offset = this.end
    this.end += packed.length
    this.clips.push({
      name: clip.name,
      figure: clip.figure,
      split: clip.split,
      offset,
      sizes: colours.map((frame) => frame.length),
      ...(clip.alpha && { alphaSizes: alphas.map((frame) => frame.length) }),
      differences: frameDifferences(clip.frames).map((value) => Number(value.toPrecision(4))),
    })
    await this.file.write(packed, 0, packed.length, offset).catch((error: Error) => {
      throw new UserError(`cannot write ${this.temporary}: ${error.message}; make room on the disk`)
    })
  }

  /** Clips added so far. */
  get count(): number {
    return this.clips.length
  }

  /** Puts the store in place: the pixels first, then the index, sorted by name, which makes it a store. */
  async finish(): Promise<StoreIndex> {
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
  }
}

/** Compresses each picture of a row by itself. Level 1: the higher ones save 5 % and take three times as long. */
function packFrames(data: Uint8Array, count: number): Promise<Buffer[]> {
  const stride = data.length / count
  const frames = Array.from({ length: count }, (_, i) => data.subarray(i * stride, (i + 1) * stride))
  return Promise.all(frames.map((frame) => deflate(frame, { level: 1 })))
}
