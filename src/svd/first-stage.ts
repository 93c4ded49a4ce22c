import { UserError } from '../errors.js'
import type { Frames, Picture } from '../media/frames.js'
import type { Size } from '../media/resize.js'
import type { UNetConfig } from '../models/unet/index.js'
import { concatenated } from '../runtime/concatenated.js'
import { encodePlanes, planesOf } from './condition.js'
import { chunkSizes, decodeLatents } from './decode.js'
import type { Network } from './network.js'
import type { PictureNetworks } from './picture-networks.js'
import { decodedFrames } from './preprocess.js'

/** Pictures that are encoded at a time. */
const BLOCK = 7

/**
 * The size in latents of clips of a size in pixels.
 *
 * @param factor pixels to a latent along a side
 * @param unet the UNet that the latents are for, which halves them before each of its blocks but the first
 * @throws UserError when a side is no multiple of what VAE and UNet halve it by.
 */
export function latentSize({ width, height }: Size, factor: number, unet?: UNetConfig): Size {
  const multiple = factor * (unet ? 2 ** (unet.down.length - 1) : 1)
  if (width % multiple === 0 && height % multiple === 0) return { width: width / factor, height: height / factor }
  const nearest = [width, height].map((side) => Math.max(1, Math.round(side / multiple)) * multiple)
  throw new UserError(
    `the networks take sides that are multiples of ${multiple}, not clips of ${width}x${height} pixels; make the clip store with --size ${nearest.join('x')}`,
  )
}

/** How frames are decoded. */
interface DecodeOptions {
  /** Frames that are decoded together; all of them unless told. */
  readonly chunk?: number
  /** Whether the clip's picture has no transparency. */
  readonly opaque?: boolean
}

/** The first stage of a model for clips of one size, all of its networks open: frames to latents and back. */
export class FirstStage {
  readonly #encoders = new Map<number, Network>()
  readonly #decoders = new Map<number, Network>()

  /** The size of one frame's latents. */
  readonly latentSize: Size

  /**
   * @param size in pixels
   * @throws UserError when a side is no multiple of what the first stage shrinks it by.
   */
  constructor(
    private readonly networks: PictureNetworks,
    private readonly size: Size,
  ) {
    this.latentSize = latentSize(size, this.autoencoder.config.factor)
  }

  /** The configuration and the class of the first stage. */
  get autoencoder(): PictureNetworks['autoencoder'] {
    return this.networks.autoencoder
  }

  /** Values of one frame's latents. */
  get latentCount(): number {
    return this.autoencoder.config.latentChannels * this.latentSize.height * this.latentSize.width
  }

  /** Opens what encodes clips of `frames` frames and decodes them, so that what is wrong with the weights shows now. */
  async open(frames: number): Promise<void> {
    for (const count of [1, BLOCK]) await this.#encoder(count).open()
    await this.#decoder(frames).open()
  }

  /** Pictures as the first stage takes them: (count, channels, height, width). */
  planes(pictures: readonly Picture[]): Float32Array {
    return concatenated(pictures.map((picture) => planesOf(picture, this.size, this.autoencoder)))
  }

  /**
   * Mean latents (count, c, h, w) of pictures (count, channels, height, width), not scaled.
   *
   * @param first what the clip begins with, where latents are relative to it; none for pictures of their own
   */
  async encode(planes: Float32Array, first?: Float32Array): Promise<Float32Array> {
    const picture = this.autoencoder.channels * this.size.height * this.size.width
    const count = planes.length / picture
    const parts: Float32Array[] = []
    for (let i = 0; i < count;) {
      const taken = count - i >= BLOCK ? BLOCK : 1
      const encoder = await this.#encoder(taken).open()
      parts.push(await encodePlanes(planes.subarray(i * picture, (i + taken) * picture), encoder, first))
      i += taken
    }
    return concatenated(parts)
  }

  /**
   * Frames of latents (f, c, h, w), scaled, on white.
   *
   * @param first what the clip begins with, (channels, height, width)
   */
  async decode(
    latents: Float32Array,
    first: Float32Array,
    { chunk, opaque = false }: DecodeOptions = {},
  ): Promise<Frames> {
    const { config, relative } = this.autoencoder
    const count = latents.length / this.latentCount
    const feeds = relative ? { first } : undefined
    const decoded = await decodeLatents(
      latents,
      config.scalingFactor,
      chunkSizes(count, chunk ?? count),
      async (frames, part) => {
        const decoder = await this.#decoder(frames).open()
        return (await decoder.run({ latents: part, ...feeds }))['frames']!
      },
    )
    return decodedFrames(decoded, this.size, this.autoencoder, opaque).frames
  }

  #encoder(count: number): Network {
    const { height, width } = this.size
    return known(this.#encoders, count, () => this.networks.vaeEncoder(height, width, false, count))
  }

  #decoder(frames: number): Network {
    const { height, width } = this.latentSize
    return known(this.#decoders, frames, () => this.networks.vaeDecoder(frames, height, width))
  }

  /** Frees the networks. */
  async close(): Promise<void> {
    await Promise.all([...this.#encoders.values(), ...this.#decoders.values()].map((network) => network.close()))
  }
}

function known<T>(made: Map<number, T>, key: number, make: () => T): T {
  const value = made.get(key) ?? make()
  made.set(key, value)
  return value
}
