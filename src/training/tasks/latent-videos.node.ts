import { ClipStore } from '../../data/store.node.js'
import { frameDifferences, motionBucketId } from '../../data/motion.js'
import { type UNetConfig } from '../../models/unet/index.js'
import { type Engine } from '../../runtime/program.js'
import { type Random } from '../../runtime/random.js'
import { alteredClip } from '../alterations.node.js'
import { Conditioner, FirstStage } from '../frozen.node.js'
import { latentSize } from '../latent-size.js'
import { LatentCache } from '../latents.node.js'
import { type LatentBatch } from '../objectives/denoiser.js'
import { toPlanar } from '../pixels.js'

/** What the batches of a latent-video objective are made by. */
export interface VideoBatchOptions {
  readonly frames: number
  /** ln of the noise augmentation's strength: mean and deviation. */
  readonly noiseAugMean: number
  readonly noiseAugStd: number
  /** Share of samples whose image condition is zeros. */
  readonly conditionDropout?: number
  /** Share of samples that are altered (`alteredClip`). */
  readonly augmentation: number
}

/** One batch as graph feeds. */
export interface VideoBatch {
  readonly latents: Float32Array
  readonly imageLatents: Float32Array
  readonly context: Float32Array
  readonly addedTimeIds: Float32Array
}

/** Draws batches of latent videos with SVD's conditions from a clip store. */
export class LatentVideos {
  /** Names of the clips that batches were drawn from, for messages. */
  readonly drawn: string[] = []

  private constructor(
    readonly store: ClipStore,
    readonly stage: FirstStage,
    private readonly conditioner: Conditioner,
    private readonly cache: LatentCache,
  ) {}

  /** `model` is a pipeline folder with VAE and image encoder; `frames` is the length of the videos to be decoded. */
  static async open(engine: Engine, data: string, model: string, frames: number): Promise<LatentVideos> {
    const store = await ClipStore.open(data, ['train'], frames)
    const stage = await FirstStage.open(engine, model, store, frames)
    const conditioner = await Conditioner.open(engine, model, stage)
    return new LatentVideos(store, stage, conditioner, await LatentCache.open(store, data, stage, model))
  }

  /**
   * The sizes of a batch in latents.
   *
   * @throws UserError when they are none that the UNet can halve.
   */
  geometry({ batch, frames }: { batch: number; frames: number }, config: UNetConfig): LatentBatch {
    return { videos: batch, frames, ...latentSize(this.store, this.stage.config.factor, config) }
  }

  /** A batch of a sample for each generator: windows of random clips, their first frames as condition. */
  async draw(batch: readonly Random[], options: VideoBatchOptions, config: UNetConfig): Promise<VideoBatch> {
    const { frames } = options
    const frame = this.stage.latentSize
    const width = config.down[0]!.contextWidth
    const result = {
      latents: new Float32Array(batch.length * frames * frame),
      imageLatents: new Float32Array(batch.length * frame),
      context: new Float32Array(batch.length * width),
      addedTimeIds: new Float32Array(batch.length * 3),
    }
    for (const [i, random] of batch.entries()) {
      const clip = random.integer(this.store.clips.length)
      const start = random.integer(this.store.length(clip) - frames + 1)
      this.drawn.push(`${this.store.clips[clip]!.name} from frame ${start}`)
      const strength = Math.exp(options.noiseAugMean + options.noiseAugStd * random.normals(1)[0]!)
      const { latents, picture, differences } = await this.window(clip, start, random, options)
      result.latents.set(latents, i * frames * frame)
      result.addedTimeIds.set([this.store.fps - 1, motionBucketId(differences), strength], 3 * i)
      const noise = random.normals(picture.data.length)
      if (random.uniform() < (options.conditionDropout ?? 0)) continue
      const condition = await this.conditioner.condition(picture, noise, strength)
      result.imageLatents.set(condition.imageLatents, i * frame)
      result.context.set(condition.context, i * width)
    }
    return result
  }

  /** A clip's window as scaled latents, its first frame, and what its frames differ by. */
  private async window(clip: number, start: number, random: Random, { frames, augmentation }: VideoBatchOptions) {
    if (augmentation === 0 || random.uniform() >= augmentation)
      return {
        latents: await this.cache.window(clip, start, frames),
        picture: await this.store.clip(clip, start, 1),
        differences: this.store.clips[clip]!.differences.slice(start, start + frames - 1),
      }
    const altered = await alteredClip(this.store, clip, start, frames, random)
    const scale = this.stage.config.scalingFactor
    return {
      latents: (await this.stage.encode(toPlanar(altered))).map((x) => x * scale),
      picture: { ...altered, count: 1, data: altered.data.subarray(0, 3 * altered.width * altered.height) },
      differences: frameDifferences(altered),
    }
  }

  /** Frees graphs and files. */
  async close(): Promise<void> {
    await Promise.all([this.stage.dispose(), this.conditioner.dispose(), this.store.close()])
  }
}
