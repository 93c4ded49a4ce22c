import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CELL } from '../../data/designed-motion.js'
import { frameDifferences, motionBucketId } from '../../data/motion.js'
import { INDEX_FILE } from '../../data/store.node.js'
import { type Frames, type RgbaFrames } from '../../media/frames.js'
import { controlsOf, controlValues, type ControlKind, type LatentSize } from '../../models/controls.js'
import { type UNetConfig } from '../../models/unet/index.js'
import { concatenated } from '../../runtime/concatenated.js'
import { Random } from '../../runtime/random.js'
import { addedTimeIds, augmented, embedPicture } from '../../svd/condition.js'
import { FirstStage, latentSize } from '../../svd/first-stage.js'
import { type Network } from '../../svd/network.js'
import { type PictureNetworks } from '../../svd/picture-networks.js'
import { Checkpoint } from '../../weights/checkpoint.node.js'
import { drawHints } from './hints.js'
import { type LatentBatch } from '../objectives/denoiser.js'
import { type Opening } from '../objectives/objective.js'
import { openPictureNetworks } from '../output/components.node.js'
import { pictureAt, rgbaOnWhite } from './rgba.js'
import { VideoPool } from './video-pool.node.js'
import { VideoSource, type DrawnVideo, type VideoSourceOptions } from './video-source.node.js'

/** How videos are drawn, encoded, and what the UNet is told of them. */
export interface LatentVideoOptions extends Omit<VideoSourceOptions, 'stills' | 'motion'> {
  readonly seed: number
  /** Pipeline folder with the first stage and the image encoder. */
  readonly model: string
  readonly stills?: string | readonly string[] | undefined
  /** Videos that are made, once, and drawn from. */
  readonly pool: number
  /** ln of the noise augmentation's strength: mean and deviation. */
  readonly noiseAugMean: number
  readonly noiseAugStd: number
  /** Share of samples whose image condition is zeros. */
  readonly conditionDropout?: number
  /** Share of samples that are told their last frame, where the UNet takes it. */
  readonly endShare: number
  /** Share of samples that are told how some of their parts move, where the UNet takes it. */
  readonly hintShare: number
}

/** One batch as graph feeds. */
export interface VideoBatch {
  readonly latents: Float32Array
  readonly imageLatents: Float32Array
  readonly context: Float32Array
  readonly addedTimeIds: Float32Array
  /** Where the UNet takes controls. */
  readonly controls?: Float32Array
}

/** A video of the pool. */
interface Encoded {
  /** (f, c, h, w), scaled. */
  readonly latents: Float32Array
  readonly imageLatents: Float32Array
  readonly context: Float32Array
  readonly addedTimeIds: Float32Array
  /**
   * (f, 3, h, w), in latent pixels: how each cell's material moves, and whether that is known; empty where no UNet
   * asks.
   */
  readonly motion: Float32Array
}

/** A video with what the UNet is told of it. */
interface Told extends Encoded {
  readonly controls: Float32Array
}

/** Draws batches of latent videos with SVD's conditions, and more where the UNet takes them. */
export class LatentVideos {
  /** Names of the videos that batches were drawn from, for messages. */
  readonly drawn: string[] = []

  private constructor(
    readonly source: VideoSource,
    readonly stage: FirstStage,
    private readonly networks: PictureNetworks,
    private readonly imageEncoder: Network,
    private readonly options: LatentVideoOptions,
    private readonly unet: UNetConfig,
    private readonly kinds: readonly ControlKind[],
    /** Changes with all that the videos depend on. */
    readonly name: string,
    private readonly sizes: Sizes,
    private readonly pool: VideoPool,
  ) {}

  /**
   * Opens the data, the pipeline's first stage and image encoder, and the pool beside the clips, in a folder that is
   * named for all that its videos depend on.
   *
   * @param unet whose inputs the batches are
   * @throws UserError when one of them cannot be read, or stills are of another size than clips.
   */
  static async open(opening: Opening, options: LatentVideoOptions, unet: UNetConfig): Promise<LatentVideos> {
    const { scope } = opening
    const stills = options.stills === undefined ? [] : [options.stills].flat()
    const kinds = controlsOf(unet.inChannels, unet.outChannels, 'in_channels')
    const motion = kinds.includes('motion_hints')
    const name = await poolName(options, stills, motion)
    const source = await VideoSource.open(scope, { ...options, stills, motion })
    const networks = await openPictureNetworks(options.model, opening.engine)
    const stage = scope.own(new FirstStage(networks, source.store))
    const imageEncoder = scope.own(networks.imageEncoder())
    await stage.open(options.frames)
    await imageEncoder.open()
    const sizes = recordSizes(options.frames, stage, networks.imageEncoderConfig.projection, motion)
    const records = join(options.data, `videos-${name}`, 'records.f16')
    const pool = scope.own(await VideoPool.open(records, total(sizes)))
    return new LatentVideos(source, stage, networks, imageEncoder, options, unet, kinds, name, sizes, pool)
  }

  /** Frames a second that samples are shown at: the middle of the rates. */
  get fps(): number {
    const { rates } = this.options
    return rates ? (rates[0] + rates[1]) / 2 : this.source.store.fps
  }

  /**
   * The sizes of a batch in latents.
   *
   * @throws UserError when they are none that the UNet can halve.
   */
  geometry({ batch, frames }: { batch: number; frames: number }): LatentBatch {
    const { factor } = this.stage.autoencoder.config
    return { videos: batch, frames, ...latentSize(this.source.store, factor, this.unet) }
  }

  /** A batch of a video for each generator: its latents and what the UNet is told of it. */
  async draw(batch: readonly Random[]): Promise<VideoBatch> {
    const encoded: Told[] = []
    for (const random of batch) {
      const i = random.integer(this.options.pool)
      this.drawn.push(`video ${i}`)
      const video = await this.encoded(i)
      const controls = this.controls(video, random)
      const dropped = random.uniform() < (this.options.conditionDropout ?? 0)
      encoded.push({ ...video, controls, ...(dropped ? this.unconditional(controls.length) : {}) })
    }
    return batchOf(encoded)
  }

  /**
   * A batch of one video that is told its picture and nothing more, and how latents of it are shown: for samples.
   */
  async example(random: Random) {
    const i = random.integer(this.options.pool)
    const video = await this.encoded(i)
    const controls = controlValues(this.kinds, this.latentSize, {})
    const { frames } = await this.video(i)
    const first = this.stage.planes([pictureAt(frames, 0)])
    return {
      batch: batchOf([{ ...video, controls }]),
      decode: (latents: Float32Array): Promise<Frames> => this.stage.decode(latents, first),
    }
  }

  private video(i: number): Promise<DrawnVideo> {
    return this.source.draw(new Random(this.options.seed, `video ${i}`))
  }

  private async encoded(i: number): Promise<Encoded> {
    return this.split(await this.pool.record(i, async () => joined(await this.encode(i), this.sizes)))
  }

  private async encode(i: number): Promise<Encoded> {
    const { noiseAugMean, noiseAugStd } = this.options
    const { frames, fps, motion } = await this.video(i)
    const { config, channels } = this.stage.autoencoder
    const random = new Random(this.options.seed, `condition of video ${i}`)
    const strength = Math.exp(noiseAugMean + noiseAugStd * random.normals(1)[0]!)
    const noise = random.normals(channels * frames.width * frames.height)
    const pictures = Array.from({ length: frames.count }, (_, frame) => pictureAt(frames, frame))
    const planes = this.stage.planes(pictures)
    const first = planes.subarray(0, planes.length / frames.count)
    const latents = await this.stage.encode(planes, first)
    const embedding = embedPicture(pictures[0]!, this.networks.preprocessing, await this.imageEncoder.open())
    const motionBucket = motionBucketId(frameDifferences(rgbaOnWhite(frames)))
    return {
      latents: latents.map((x) => x * config.scalingFactor),
      context: await embedding,
      imageLatents: await this.stage.encode(augmented(first, noise, strength, this.stage.autoencoder)),
      addedTimeIds: addedTimeIds({ fps, motion: motionBucket, noiseAug: strength }),
      motion: motion ? this.inLatents(motion, frames) : new Float32Array(0),
    }
  }

  /** Motion of cells in pixels -> of latents in latent pixels. */
  private inLatents(motion: Float32Array, { count, width, height }: RgbaFrames): Float32Array {
    const { factor } = this.stage.autoencoder.config
    const [h, w] = [height / factor, width / factor]
    const values = new Float32Array(count * 3 * h * w)
    const [rows, columns] = [Math.floor(height / CELL), Math.floor(width / CELL)]
    for (let i = 0; i < values.length; i++) {
      const [x, y, plane] = [i % w, Math.floor(i / w) % h, Math.floor(i / (h * w))]
      const row = Math.min(rows - 1, Math.floor((y * factor) / CELL))
      const column = Math.min(columns - 1, Math.floor((x * factor) / CELL))
      values[i] = motion[(plane * rows + row) * columns + column]! / (plane % 3 === 2 ? 1 : factor)
    }
    return values
  }

  private controls(video: Encoded, random: Random): Float32Array {
    const { kinds, options } = this
    const size = this.latentSize
    const told = (kind: ControlKind, share: number) => kinds.includes(kind) && random.uniform() < share
    const endLatents = told('end_frame', options.endShare) ? video.latents.subarray(-this.stage.latentCount) : undefined
    const motionHints = told('motion_hints', options.hintShare) ? drawHints(video.motion, size, random) : undefined
    return controlValues(kinds, size, { endLatents, motionHints })
  }

  private get latentSize(): LatentSize {
    const { frames } = this.options
    return { frames, channels: this.stage.autoencoder.config.latentChannels, ...this.stage.latentSize }
  }

  private unconditional(controls: number) {
    return {
      imageLatents: new Float32Array(this.stage.latentCount),
      context: new Float32Array(this.networks.imageEncoderConfig.projection),
      controls: new Float32Array(controls),
    }
  }

  private split(record: Float32Array): Encoded {
    let at = 0
    const parts = this.sizes.map(([name, size]) => {
      at += size
      return [name, record.subarray(at - size, at)] as const
    })
    return Object.fromEntries(parts) as unknown as Encoded
  }
}

function batchOf(videos: readonly Told[]): VideoBatch {
  const all = (name: keyof Told) => concatenated(videos.map((video) => video[name]))
  const controls = all('controls')
  return {
    latents: all('latents'),
    imageLatents: all('imageLatents'),
    context: all('context'),
    addedTimeIds: all('addedTimeIds'),
    ...(controls.length > 0 && { controls }),
  }
}

type Sizes = readonly (readonly [name: keyof Encoded, size: number])[]

function recordSizes(frames: number, stage: FirstStage, contextWidth: number, motion: boolean): Sizes {
  const plane = stage.latentCount / stage.autoencoder.config.latentChannels
  return [
    ['latents', frames * stage.latentCount],
    ['imageLatents', stage.latentCount],
    ['context', contextWidth],
    ['addedTimeIds', 3],
    ['motion', motion ? frames * 3 * plane : 0],
  ]
}

const total = (sizes: Sizes) => sizes.reduce((sum, [, size]) => sum + size, 0)

const joined = (video: Encoded, sizes: Sizes) => concatenated(sizes.map(([name]) => video[name]))

/**
 * A short hash of all that the videos of a pool depend on: how they are drawn, the stores, the networks that encode
 * them.
 */
async function poolName(options: LatentVideoOptions, stills: readonly string[], motion: boolean): Promise<string> {
  const { seed, frames, rates, reversed, augmentation, stillsShare, noiseAugMean, noiseAugStd } = options
  const hash = createHash('sha256')
  const drawn = { seed, frames, rates, reversed, augmentation, stillsShare, motion }
  hash.update(JSON.stringify({ ...drawn, noiseAugMean, noiseAugStd }))
  for (const folder of [options.data, ...stills]) hash.update(await readFile(join(folder, INDEX_FILE)))
  for (const component of ['vae', 'image_encoder']) {
    const checkpoint = await Checkpoint.open(join(options.model, component))
    for (const name of [...checkpoint.tensors.keys()].sort())
      hash.update(new Uint8Array((await checkpoint.read(name)).buffer))
  }
  return hash.digest('hex').slice(0, 12)
}
