import { UserError } from '../errors.js'
import type { UNetConfig } from '../models/unet/index.js'
import type { AutoencoderConfig } from '../models/autoencoder.js'
import type { AnySettings } from './settings.js'

/** Sizes of a clip. */
export interface Geometry {
  readonly frames: number
  /** In pixels. */
  readonly height: number
  readonly width: number
  /** The same in latent pixels. */
  readonly latentHeight: number
  readonly latentWidth: number
}

/**
 * The side lengths that a model can do are the multiples of this: UNet and VAE halve several times, the reference asks
 * for 8.
 */
export function sizeMultiple(unet: UNetConfig, vae: AutoencoderConfig): number {
  return Math.max(8, vae.factor * 2 ** (unet.down.length - 1))
}

/** The frames and the size that a model was trained for. */
export function nativeGeometry(
  unet: UNetConfig,
  vae: AutoencoderConfig,
): { frames: number; height: number; width: number } {
  const latent = unet.sampleSize ?? vae.sampleSize / vae.factor
  const [height, width] = typeof latent === 'number' ? [latent, latent] : [latent[0]!, latent.at(-1)!]
  return { frames: unet.frames, height: height * vae.factor, width: width * vae.factor }
}

/**
 * The sizes of the clip that is asked for; the model's own where none are. Where only one side is given, the other is
 * as long.
 *
 * @throws UserError when a side is no multiple of what the model's networks halve it by.
 */
export function geometryOf(settings: AnySettings, unet: UNetConfig, vae: AutoencoderConfig): Geometry {
  const native = nativeGeometry(unet, vae)
  const { frames = native.frames } = settings
  const width = settings.width ?? settings.height ?? native.width
  const height = settings.height ?? settings.width ?? native.height
  const multiple = sizeMultiple(unet, vae)
  if (width % multiple !== 0 || height % multiple !== 0) {
    const nearest = [width, height].map((side) => Math.max(1, Math.round(side / multiple)) * multiple)
    throw new UserError(
      `this model cannot make ${width}x${height} pixels: give sides that are multiples of ${multiple}, such as ${nearest.join('x')}`,
    )
  }
  return { frames, height, width, latentHeight: height / vae.factor, latentWidth: width / vae.factor }
}

/** Pixels that are decoded together unless told: enough for a clip of 14 frames of 512 x 512. */
const CHUNK_PIXELS = 14 * 512 * 512

/** How many frames are decoded together unless told: all of a small clip, fewer of a large one. */
export function defaultChunk({ frames, height, width }: Pick<Geometry, 'frames' | 'height' | 'width'>): number {
  return Math.min(frames, Math.max(1, Math.floor(CHUNK_PIXELS / (height * width))))
}
