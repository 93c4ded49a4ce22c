import { CLIP_FORMATS, type ClipFormat, type Execution } from './job.js'
import type { Storage, Stored } from './storage.js'
import { Turns } from './turns.js'

/** The name of a picture by its SHA-256. */
export function inputName(digest: string): string {
  return `inputs/${digest}`
}

/** The name of a clip. */
export function resultName(identity: string, format: ClipFormat): string {
  return `results/${identity}.${format}`
}

/** Pictures that were sent in and clips that were made. What is done with one file happens one after another. */
export class ClipFiles {
  readonly #turns = new Turns()

  constructor(readonly storage: Storage) {}

  /** Keeps a picture. */
  async keepInput(digest: string, bytes: Uint8Array): Promise<void> {
    const name = inputName(digest)
    await this.#turns.take(name, () => this.storage.keep(name, bytes))
  }

  /** Whether all files of a clip are there. */
  async isMade({ identity, formats }: Pick<Execution, 'identity' | 'formats'>): Promise<boolean> {
    for (const format of formats) {
      const name = resultName(identity, format)
      if (!(await this.#turns.take(name, () => this.storage.has(name)))) return false
    }
    return true
  }

  /** A clip's file; undefined when it is not there. */
  readClip(identity: string, format: ClipFormat): Promise<Stored | undefined> {
    return this.storage.read(resultName(identity, format))
  }

  /** Removes the files that no job needs any longer, as it is when the turn of each has come. */
  async forget({ identity, input }: Execution, isNeeded: (field: 'identity' | 'input') => boolean): Promise<void> {
    const remove = async (name: string, field: 'identity' | 'input') =>
      this.#turns.take(name, async () => {
        if (!isNeeded(field)) await this.storage.remove(name)
      })
    for (const format of CLIP_FORMATS) await remove(resultName(identity, format), 'identity')
    await remove(inputName(input), 'input')
  }
}
