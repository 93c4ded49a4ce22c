import type { DecodedClip } from '../media/decode.node.js'
import type { Size } from '../media/resize.js'
import { UserError } from '../errors.js'
import { ClipStoreWriter } from './store-writer.node.js'
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
  /** Reads the clip at the store's size and rate; may throw `UserError` where the file is no clip. */
  decode(): Promise<DecodedClip>
}

/** Clips in work at a time: decoding runs on other threads, and each holds its full-size frames. */
const IN_WORK = 3

/**
 * Decodes clips and writes them as a store. A clip that cannot be read is reported and left out.
 *
 * @param total how many clips `sources` will give, for the progress
 * @throws UserError when no clip could be read or the store cannot be written; nothing is left behind.
 */
export async function buildStore(
  sources: AsyncIterable<ClipSource> | Iterable<ClipSource>,
  total: number,
  { out, size, fps, limit = Infinity, onProgress, signal }: BuildOptions,
): Promise<StoreIndex> {
  const writer = await ClipStoreWriter.create(out, size, fps)
  const most = Math.min(total, limit)
  const inWork = new Set<Promise<void>>()
  let taken = 0
  let done = 0
  const store = async (source: ClipSource): Promise<void> => {
    const { name, figure, split } = source
    const clip = await source.decode().catch((error: unknown) => {
      if (!(error instanceof UserError)) throw error
      onProgress?.({ type: 'skip', name, reason: error.message })
    })
    if (clip) await writer.add({ ...clip, name, figure, split })
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
