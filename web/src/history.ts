import { openDB, type DBSchema, type IDBPDatabase } from 'idb'
import { Clip, type ClipContent } from '../../src/web/index.js'
import type { Made } from './store.js'

/** Bytes of clips without a star that are kept; the oldest go first. */
const ROOM = 64 * 2 ** 20

/** A clip as the browser's database holds it. */
interface Row extends Omit<Made, 'clip'> {
  readonly clip: ClipContent
}

interface Schema extends DBSchema {
  clips: { key: string; value: Row }
  /** The picture that was last opened, by the name `last`. */
  pictures: { key: string; value: { readonly blob: Blob; readonly name: string } }
}

/** Clips and the last picture, kept in the browser from one visit to the next. */
export class History {
  readonly #database: Promise<IDBPDatabase<Schema> | undefined>

  constructor() {
    // Without a database the studio works as well; it only forgets.
    this.#database = openDB<Schema>('sfv-studio', 1, {
      upgrade(database) {
        database.createObjectStore('clips', { keyPath: 'id' })
        database.createObjectStore('pictures')
      },
    }).catch(() => undefined)
  }

  /** All clips, the newest first. */
  async all(): Promise<Made[]> {
    const rows = (await (await this.#database)?.getAll('clips')) ?? []
    return rows.map((row) => ({ ...row, clip: new Clip(row.clip) })).sort((a, b) => b.when - a.when)
  }

  /** Keeps a clip, in place of one with its id. */
  async put({ clip, ...rest }: Made): Promise<void> {
    const { frames, alpha, fps, metadata } = clip
    await (await this.#database)?.put('clips', { ...rest, clip: { frames, alpha, fps, metadata } })
  }

  /** Forgets a clip. */
  async delete(id: string): Promise<void> {
    await (await this.#database)?.delete('clips', id)
  }

  /** Keeps the picture that is worked on. */
  async putPicture(blob: Blob, name: string): Promise<void> {
    await (await this.#database)?.put('pictures', { blob, name }, 'last')
  }

  /** The picture that was worked on the last time. */
  async picture(): Promise<{ readonly blob: Blob; readonly name: string } | undefined> {
    return (await this.#database)?.get('pictures', 'last')
  }
}

/** The clips, the newest first, for which there is no room any more. */
export function beyondRoom(kept: readonly Made[]): Made[] {
  let bytes = 0
  return kept.filter(({ starred, clip }) => {
    if (starred) return false
    bytes += clip.frames.data.length + (clip.alpha?.length ?? 0)
    return bytes > ROOM
  })
}
