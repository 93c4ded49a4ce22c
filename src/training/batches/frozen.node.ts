import { join } from 'node:path'
import { lower } from '../../graph/lower.js'
import { input } from '../../graph/ops/index.js'
import { type Tensor } from '../../graph/tensor.js'
import { CLIP_MEAN, CLIP_STD, clipInput } from '../../media/clip-input.js'
import { type Frames, type RgbaFrames } from '../../media/frames.js'
import { type Size } from '../../media/resize.js'
import { clipVision, parseClipVisionConfig } from '../../models/clip/index.js'
import { parseAutoencoder, type Autoencoder } from '../../models/autoencoder.js'
import { ParameterSet } from '../../nn/weights.js'
import { type Program } from '../../runtime/program.js'
import { type Opening } from '../objectives/objective.js'
import { Checkpoint } from '../../weights/checkpoint.node.js'
import { readConfig } from '../output/components.node.js'
import { latentSize } from './latent-size.js'
import { fromPlanar, toPlanar } from './pixels.js'
import { planesOnWhite, rgbaOnWhite, rgbaPlanes } from './rgba.js'

/**
 * Opens a frozen component's graph, traced with `set`, its weights straight from the checkpoint.
 *
 * @throws UserError when the checkpoint does not fit the graph.
 */
async function openFrozen(
  { engine, scope }: Pick<Opening, 'engine' | 'scope'>,
  folder: string,
  component: string,
  set: ParameterSet,
  outputs: Record<string, Tensor>,
): Promise<Program> {
  const checkpoint = await Checkpoint.open(join(folder, component))
  // The VAE's encoder and decoder are graphs of their own: each finds the other half's tensors in the file.
  checkpoint.checkAgainst(set.shapes, component, { ignore: /^/ })
  const bind = (name: string) => {
    const stored = checkpoint.tensors.get(name)
    if (stored === undefined || stored.dtype === 'I64' || stored.dtype === 'U8') return undefined
    return { file: stored.file, offset: stored.offset, byteLength: stored.byteLength, dtype: stored.dtype }
  }
  return scope.own(await engine.load(lower(outputs, { bind })))
}

/** The frozen first stage of a pipeline folder, for clips of one size: pixels to latents and back. */
export class FirstStage {
  private constructor(
    readonly autoencoder: Autoencoder,
    readonly size: Size,
    private readonly one: Program,
    private readonly several: Program,
    private readonly decoder: Program,
    /** Frames of the videos that `decode` takes. */
    readonly frames: number,
  ) {}

  /**
   * `size` in pixels; videos of `frames` frames are decoded.
   *
   * @throws UserError when a side is no multiple of what the first stage halves it by.
   */
  static async open(opening: Opening, folder: string, size: Size, frames: number): Promise<FirstStage> {
    const { json, file } = await readConfig(folder, 'vae')
    const autoencoder = parseAutoencoder(json, file)
    const { config, channels } = autoencoder
    const { height, width } = latentSize(size, config.factor)
    const first = input('first', [1, channels, size.height, size.width])
    const encoder = (count: number) => {
      const set = new ParameterSet()
      const pictures = input('pictures', [count, channels, size.height, size.width])
      return openFrozen(opening, folder, 'vae', set, { latents: autoencoder.encode(set, pictures, first) })
    }
    const set = new ParameterSet()
    const latents = input('latents', [frames, config.latentChannels, height, width])
    const pictures = autoencoder.decode(set, latents, frames, first)
    const decoder = await openFrozen(opening, folder, 'vae', set, { pictures })
    return new FirstStage(autoencoder, size, await encoder(1), await encoder(BLOCK), decoder, frames)
  }

  /** Values of one frame's latents. */
  get latentSize(): number {
    const { factor, latentChannels } = this.autoencoder.config
    const { height, width } = latentSize(this.size, factor)
    return latentChannels * height * width
  }

  /**
   * Pictures with alpha as the first stage takes them, (count, channels, height, width); on white where it has no
   * alpha.
   */
  planes(pictures: RgbaFrames): Float32Array {
    return this.autoencoder.pixels === 'rgb' ? toPlanar(rgbaOnWhite(pictures)) : rgbaPlanes(pictures)
  }

  /**
   * Mean latents of pictures (count, channels, height, width): (count, c, h, w), not scaled.
   *
   * @param first what the clip begins with, where latents are relative to it; zeros for pictures of their own
   */
  async encode(pictures: Float32Array, first?: Float32Array): Promise<Float32Array> {
    const { relative, channels } = this.autoencoder
    const picture = channels * this.size.width * this.size.height
    const feeds: Record<string, Float32Array> = relative ? { first: first ?? new Float32Array(picture) } : {}
    const count = pictures.length / picture
    const latents = new Float32Array(count * this.latentSize)
    for (let i = 0; i < count;) {
      const [program, taken] = count - i >= BLOCK ? [this.several, BLOCK] : [this.one, 1]
      const result = await program.run({ ...feeds, pictures: pictures.subarray(i * picture, (i + taken) * picture) })
      latents.set(result.latents!, i * this.latentSize)
      i += taken
    }
    return latents
  }

  /** A video on white from scaled latents (frames, c, h, w) and the picture that it begins with. */
  async decode(scaled: Float32Array, first: Float32Array): Promise<Frames> {
    const { config, pixels, relative } = this.autoencoder
    const latents = scaled.map((x) => x / config.scalingFactor)
    const { pictures } = await this.decoder.run(relative ? { latents, first } : { latents })
    const { width, height } = this.size
    return pixels === 'rgb' ? fromPlanar(pictures!, width, height) : planesOnWhite(pictures!, width, height)
  }
}

/** Pictures that are encoded at a time. */
const BLOCK = 7

/** What a clip is conditioned on. */
export interface Condition {
  /** (c, h, w), not scaled. */
  readonly imageLatents: Float32Array
  /** (1, d) */
  readonly context: Float32Array
}

/** Makes SVD's image condition from first frames. */
export class Conditioner {
  private constructor(
    private readonly stage: FirstStage,
    private readonly clip: Program,
    private readonly imageSize: number,
    /** Length of `context`. */
    readonly contextWidth: number,
  ) {}

  /** Opens the folder's image encoder. */
  static async open(opening: Opening, folder: string, stage: FirstStage): Promise<Conditioner> {
    const { json, file } = await readConfig(folder, 'image_encoder')
    const config = parseClipVisionConfig(json, file)
    const set = new ParameterSet()
    const pixels = input('pixels', [1, config.channels, config.imageSize, config.imageSize])
    const context = clipVision(set, config, pixels).imageEmbeds
    const program = await openFrozen(opening, folder, 'image_encoder', set, { context })
    return new Conditioner(stage, program, config.imageSize, config.projection)
  }

  /**
   * The condition of a picture with alpha; `noise` (channels, height, width), unit Gaussian, is added `strength` fold
   * (of half the range of values) before the first stage only. The image encoder sees the picture on white.
   */
  async condition(picture: RgbaFrames, noise: Float32Array, strength: number): Promise<Condition> {
    const size = { width: this.imageSize, height: this.imageSize }
    const { context } = await this.clip.run({ pixels: clipInput(rgbaOnWhite(picture), size, CLIP_MEAN, CLIP_STD) })
    const halfRange = this.stage.autoencoder.pixels === 'rgb' ? 1 : 0.5
    const noisy = this.stage.planes(picture).map((x, i) => x + halfRange * strength * noise[i]!)
    return { imageLatents: await this.stage.encode(noisy), context: context! }
  }
}
