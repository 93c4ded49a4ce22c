import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { motionBucketId } from '../data/motion.js'
import type { Split } from '../data/splits.js'
import { ClipStore, INDEX_FILE, PIXELS_FILE, type ClipRecord } from '../data/store.node.js'

/** What a clip store holds. */
export interface StoreInfo {
  readonly width: number
  readonly height: number
  /** Pictures a second. */
  readonly fps: number
  readonly clips: number
  /** Things that are shown, whatever the form. */
  readonly figures: number
  readonly splits: Readonly<Partial<Record<Split, number>>>
  /** Frames of all clips, of the shortest and of the longest. */
  readonly frames: { readonly total: number; readonly least: number; readonly most: number }
  /**
   * Motion buckets of the clips, as `--motion` counts: a tenth are below the first, half below the second, a tenth
   * above the third.
   */
  readonly motion: readonly [low: number, median: number, high: number]
  /** Clips of which it is known what is see-through. */
  readonly transparent: number
  /** Bytes of its files. */
  readonly bytes: number
}

const SPLITS: readonly Split[] = ['train', 'test', 'reserved']

/** Whether a folder is one of a clip store, whole or not. */
export async function isStore(folder: string): Promise<boolean> {
  const found = await stat(join(folder, INDEX_FILE)).catch(() => undefined)
  return found?.isFile() === true
}

/**
 * Describes a clip store.
 *
 * @throws UserError when it is damaged.
 */
export async function describeStore(folder: string): Promise<StoreInfo> {
  const store = await ClipStore.open(folder, SPLITS)
  const { width, height, fps, clips } = store
  await store.close()
  const lengths = clips.map(({ sizes }) => sizes.length)
  const moving = clips.filter(({ differences }) => differences.length > 0)
  const buckets = moving.map(({ differences }) => motionBucketId(differences)).sort((a, b) => a - b)
  const quantile = (share: number) => buckets[Math.floor(share * (buckets.length - 1))] ?? 0
  const files = await Promise.all([INDEX_FILE, PIXELS_FILE].map((name) => stat(join(folder, name))))
  return {
    width,
    height,
    fps,
    clips: clips.length,
    figures: new Set(clips.map(({ figure }) => figure)).size,
    splits: splitsOf(clips),
    frames: { total: lengths.reduce((sum, n) => sum + n, 0), least: Math.min(...lengths), most: Math.max(...lengths) },
    motion: [quantile(0.1), quantile(0.5), quantile(0.9)],
    transparent: clips.filter(({ alphaSizes }) => alphaSizes !== undefined).length,
    bytes: files.reduce((sum, { size }) => sum + size, 0),
  }
}

function splitsOf(clips: readonly ClipRecord[]): StoreInfo['splits'] {
  const counts = SPLITS.map((split) => [split, clips.filter((clip) => clip.split === split).length] as const)
  return Object.fromEntries(counts.filter(([, count]) => count > 0))
}

/** A store as a person reads it. */
export function storeTable(path: string, store: StoreInfo): string {
  const { width, height, fps, clips, figures, splits, frames, motion, transparent, bytes } = store
  const shares = Object.entries(splits).map(([split, count]) => `${count} ${split}`)
  const rows = [
    ['clip store', path],
    ['pictures', `${width}x${height}, ${fps} a second`],
    ['clips', `${clips} of ${figures} figures: ${shares.join(', ')}`],
    [
      'frames',
      `${frames.total}; a clip has ${frames.least} to ${frames.most}, ${(frames.total / clips / fps).toFixed(1)} s on average`,
    ],
    ['motion', `${motion[1]} (median; 80 % from ${motion[0]} to ${motion[2]}), as --motion counts`],
    ['see-through', `known of ${transparent} clips`],
    ['size', `${(bytes / 1e6).toFixed(1)} MB`],
  ] as const
  const column = Math.max(...rows.map(([name]) => name.length))
  return rows.map(([name, text]) => `${name.padEnd(column)}  ${text}\n`).join('')
}
