import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { frameAt, type Frames } from '../media/frames.js'
import { ImageToVideo } from '../pipeline/image-to-video.js'
import type { ModelSource } from '../svd/model-source.js'
import type { Engine } from '../runtime/program.js'
import { Random } from '../runtime/random.js'
import { Checkpoint } from '../weights/checkpoint.node.js'
import { ClipCache } from './clip-cache.node.js'
import { checksumOf } from './feature-network.node.js'
import { labelOf, settingsOf, type Row } from './rows.js'

/** What all clips of an evaluation have in common. */
export interface GenerationSettings {
  readonly seed: number
  readonly noiseAug: number
  readonly fps: number
}

/** A real clip whose first frame is animated. */
export interface Prompt {
  readonly name: string
  readonly clip: Frames
  /** SVD's motion bucket that the clip is told. */
  readonly motion: number
}

/** Makes the clips of rows, or takes those that an earlier evaluation kept. */
export class Generator {
  readonly #sfv: ImageToVideo
  readonly #checksums = new Map<string, Promise<string>>()

  /** Clips are kept in `folder`, by row. */
  constructor(
    readonly source: ModelSource,
    engine: Engine,
    private readonly settings: GenerationSettings,
    private readonly folder: string,
  ) {
    this.#sfv = new ImageToVideo(source, engine)
  }

  /** SHA-256 of a component's weights. */
  checksum(component: string): Promise<string> {
    const known = this.#checksums.get(component) ?? Checkpoint.open(join(this.source.path, component)).then(checksumOf)
    this.#checksums.set(component, known)
    return known
  }

  /**
   * The clip of a row for a prompt, from noise that follows from (seed, name, draw) alone.
   *
   * @param draw which of several clips of the same picture
   */
  async clip(row: Row, prompt: Prompt, draw = 0): Promise<Frames> {
    const { name, motion } = prompt
    const cache = await this.#cacheOf(row, prompt.clip)
    return cache.getOrMake(
      `${name}-motion-${motion}-${draw}`,
      async () => (await this.#animate(row, prompt, this.#seedOf(name, draw))).frames,
    )
  }

  /** Frees the networks. */
  dispose(): Promise<void> {
    return this.#sfv.dispose()
  }

  #animate(row: Row, { clip, motion }: Prompt, seed: number) {
    const { noiseAug, fps } = this.settings
    const { width, height, count: frames } = clip
    return this.#sfv.animate(frameAt(clip, 0), {
      ...settingsOf(row),
      motion,
      noiseAug,
      fps,
      seed,
      frames,
      width,
      height,
    })
  }

  #seedOf(name: string, draw: number): number {
    return new Random(this.settings.seed, `clip ${name} ${draw}`).integer(2 ** 32)
  }

  /** A folder for everything that a row's clips follow from. */
  async #cacheOf(row: Row, { width, height, count }: Frames): Promise<ClipCache> {
    const weights = await Promise.all([row.network, 'vae', 'image_encoder'].map((name) => this.checksum(name)))
    const facts = JSON.stringify([weights, settingsOf(row), this.settings, width, height, count])
    const key = createHash('sha256').update(facts).digest('hex').slice(0, 8)
    return new ClipCache(join(this.folder, `${labelOf(row).replaceAll(/[^\w.]+/g, '-')}-${key}`), width, height)
  }
}
