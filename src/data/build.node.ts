import type { ClipFrame } from '../media/clip-frame.js'
import type { Size } from '../media/resize.js'
import { UserError } from '../errors.js'
import { checkStorePlace, ClipStoreWriter } from './store-writer.node.js'
import type { StoreIndex } from './store.node.js'
import type { Split } from './splits.js'

/** Frames of one training clip: SVD's 14. Shorter moving clips are stored looped up to it. */
export const MIN_FRAMES = 14

/** What the builders of clip stores report while they work. */
export type BuildProgress =
  | { readonly type: 'fetch'; readonly name: string; readonly done: number; readonly total: number }
  | { readonly type: 'clip'; readonly name: string; readonly done: number; readonly total: number }
  | { readonly type: 'skip'; readonly name: string; readonly reason: string }

/** What every builder of a clip store may be told. */
export interface BuildOptions {
  /** Folder of the store. */
  readonly out: string
  /** Of the pictures, in pixels. */
  readonly size: Size
  /** Pictures per second. */
  readonly fps: number
  /** Replace a store that the folder holds. */
  readonly force?: boolean
  /** Stop after this many clips. */
  readonly limit?: number
  readonly onProgress?: (progress: BuildProgress) => void
  /** Ends the work; what was begun is removed. */
  readonly signal?: AbortSignal
}

/** A clip to be decoded for a store. */
export interface ClipSource {
  readonly name: string
  readonly figure: string
  readonly split: Split
  /** Reads the clip at the store's size and rate, picture by picture; throws where the file is no clip. */
  frames(): AsyncIterable<ClipFrame>
}

/** Clips in work at a time: decoding runs on other threads, and each holds a few of its full-size frames. */
const IN_WORK = 3

/**
 * Decodes clips and writes them as a store. A clip that cannot be read is reported and left out.
 *
 * @param total how many clips `sources` will give, for the progress
 * @throws UserError when no clip could be read, or the store cannot be written or replaced; nothing is left behind.
 */
export async function buildStore(
  sources: AsyncIterable<ClipSource> | Iterable<ClipSource>,
  total: number,
  { out, size, fps, force, limit = Infinity, onProgress, signal }: BuildOptions,
): Promise<StoreIndex> {
  await checkStorePlace(out, force)
  const writer = await ClipStoreWriter.create(out, size, fps)
  const most = Math.min(total, limit)
  const inWork = new Set<Promise<void>>()
  let taken = 0
  let done = 0
  const store = async (source: ClipSource): Promise<void> => {
    const { name, figure, split } = source
    const reading = new Reading(source.frames(), signal)
    await writer.add({ name, figure, split, pictures: reading }).catch((error: unknown) => {
      // What cannot be read is left out; what cannot be written ends the work.
      if (error !== reading.failure || isAbort(error)) throw error
      onProgress?.({ type: 'skip', name, reason: skipReason(source.name, error) })
    })
    onProgress?.({ type: 'clip', name, done: ++done, total: most })
  }
  try {
    for await (const source of sources) {
      signal?.throwIfAborted()
      if (taken++ >= limit) break
      const work = store(source)
      inWork.add(work)
      void work.finally(() => inWork.delete(work)).catch(() => undefined)
      if (inWork.size >= IN_WORK) await Promise.race(inWork)
    }
    await Promise.all(inWork)
    if (writer.count === 0) throw new UserError(`no clip for ${out} could be read; name a folder that holds some`)
    return await writer.finish()
  } catch (error) {
    await Promise.allSettled(inWork)
    await writer.abandon()
    throw error
  }
}

/** The pictures of a clip, and whether reading them failed. */
class Reading implements AsyncIterable<ClipFrame> {
  failure: unknown

  constructor(
    private readonly frames: AsyncIterable<ClipFrame>,
    private readonly signal: AbortSignal | undefined,
  ) {}

  async *[Symbol.asyncIterator](): AsyncGenerator<ClipFrame> {
    try {
      for await (const frame of this.frames) {
        this.signal?.throwIfAborted()
        yield frame
      }
    } catch (error) {
      this.failure = error
      throw error
    }
  }
}

/** Every failure of reading is told as one of the file: a damaged one can make any library stumble. */
function skipReason(name: string, error: unknown): string {
  return error instanceof UserError ? error.message : `cannot read ${name}: ${(error as Error).message}; check the file`
}

function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError'
}
