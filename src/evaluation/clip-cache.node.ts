import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import type { Frames } from '../media/frames.js'
import { writeFileAtomic } from '../runtime/files.node.js'

/**
 * Clips on disk, each a PNG of its frames one below the other: an evaluation that was stopped goes on from them, one
 * with other features need not make them again, and they can be looked at.
 */
export class ClipCache {
  /** Keeps clips of `width` x `height` in `folder`. */
  constructor(
    private readonly folder: string,
    private readonly width: number,
    private readonly height: number,
  ) {}

  /** The clip of that name, or undefined where there is none of the right size. */
  async get(name: string): Promise<Frames | undefined> {
    const bytes = await readFile(this.#path(name)).catch(() => undefined)
    if (!bytes) return undefined
    const { width, height } = this
    const { data, info } = await sharp(bytes).removeAlpha().raw().toBuffer({ resolveWithObject: true })
    if (info.width !== width || info.height % height !== 0) return undefined
    return { width, height, count: info.height / height, data: new Uint8Array(data) }
  }

  /** Keeps a clip. */
  async put(name: string, { width, height, count, data }: Frames): Promise<void> {
    const image = sharp(data, { raw: { width, height: height * count, channels: 3 }, limitInputPixels: false })
    await writeFileAtomic(this.#path(name), await image.png({ compressionLevel: 2 }).toBuffer())
  }

  /** The clip of that name, made and kept where there is none. */
  async getOrMake(name: string, make: () => Promise<Frames>): Promise<Frames> {
    const known = await this.get(name)
    if (known) return known
    const made = await make()
    await this.put(name, made)
    return made
  }

  #path(name: string): string {
    return join(this.folder, `${name}.png`)
  }
}
