import { UserError } from '../../errors.js'
import { ClipStore } from '../../data/store.node.js'
import { frameDifferences, motionBucketId } from '../../data/motion.js'
import { type Frames } from '../../media/frames.js'
import { type UNetConfig } from '../../models/unet/index.js'
import { type Engine } from '../../runtime/program.js'
import { type Random } from '../../runtime/random.js'
import { alteredClip } from '../alterations.node.js'
import { Conditioner, FirstStage } from '../frozen.node.js'
import { latentSize } from '../latent-size.js'
import { LatentCache } from '../latents.node.js'
import { type LatentBatch } from '../objectives/denoiser.js'
import { toPlanar } from '../pixels.js'
import { stickerMotion } from '../sticker-motion.js'

/** Where the videos come from: folders of clips, of stills, and of the pipeline; frames of a video. */
export interface VideoSources {
  readonly data: string
  readonly stills?: string | undefined
  readonly model: string
  readonly frames: number
}

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
  /** Share of samples that are moved stills (`stickerMotion`), where there are stills. */
  readonly stillsShare: number
}

/** One batch as graph feeds. */
export interface VideoBatch {
  readonly latents: Float32Array
  readonly imageLatents: Float32Array
  readonly context: Float32Array
  readonly addedTimeIds: Float32Array
}

/** A window of a clip: its scaled latents, its first frame, and what its frames differ by. */
interface Window {
  readonly latents: Float32Array
  readonly picture: Frames
  readonly differences: readonly number[]
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
    private readonly stills: ClipStore | undefined,
  ) {}

  /**
   * `model` is a pipeline folder with VAE and image encoder; `frames` is the length of the videos to be decoded.
   *
   * @throws UserError when a store cannot be read, or the stills are of another size than the clips.
   */
  static async open(engine: Engine, { data, stills, model, frames }: VideoSources): Promise<LatentVideos> {
    const store = await ClipStore.open(data, ['train'], frames)
    const pictures = stills === undefined ? undefined : await ClipStore.open(stills)
    if (pictures && (pictures.width !== store.width || pictures.height !== store.height))
      throw new UserError(
        `${stills!} has pictures of ${pictures.width}x${pictures.height}, ${data} clips of ${store.width}x${store.height}; ` +
          'make both with one --size',
      )
    const stage = await FirstStage.open(engine, model, store, frames)
    const conditioner = await Conditioner.open(engine, model, stage)
    const cache = await LatentCache.open(store, data, stage, model)
    return new LatentVideos(store, stage, conditioner, cache, pictures)
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
      const { latents, picture, differences } = await this.window(random, options)
      const strength = Math.exp(options.noiseAugMean + options.noiseAugStd * random.normals(1)[0]!)
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

  private async window(random: Random, options: VideoBatchOptions): Promise<Window> {
    const { frames, augmentation, stillsShare } = options
    if (this.stills && random.uniform() < stillsShare) return this.still(this.stills, random, options)
    const clip = random.integer(this.store.clips.length)
    const start = random.integer(this.store.length(clip) - frames + 1)
    const { name, differences } = this.store.clips[clip]!
    this.drawn.push(`${name} from frame ${start}`)
    if (augmentation > 0 && random.uniform() < augmentation)
      return this.encoded(await alteredClip(this.store, clip, start, frames, random))
    return {
      latents: await this.cache.window(clip, start, frames),
      picture: await this.store.clip(clip, start, 1),
      differences: differences.slice(start, start + frames - 1),
    }
  }

  private async still(stills: ClipStore, random: Random, options: VideoBatchOptions): Promise<Window> {
    const { frames, augmentation } = options
    const which = random.integer(stills.clips.length)
    this.drawn.push(stills.clips[which]!.name)
    const alter = augmentation > 0 && random.uniform() < augmentation
    const picture = alter ? await alteredClip(stills, which, 0, 1, random) : await stills.clip(which, 0, 1)
    return this.encoded(stickerMotion(picture, frames, random))
  }

  private async encoded(frames: Frames): Promise<Window> {
    const scale = this.stage.config.scalingFactor
    return {
      latents: (await this.stage.encode(toPlanar(frames))).map((x) => x * scale),
      picture: { ...frames, count: 1, data: frames.data.subarray(0, 3 * frames.width * frames.height) },
      differences: frameDifferences(frames),
    }
  }

  /** Frees graphs and files. */
  async close(): Promise<void> {
    await Promise.all([this.stage.dispose(), this.conditioner.dispose(), this.store.close(), this.stills?.close()])
  }
}
