import { UserError } from '../errors.js'
import { type Tensor } from '../graph/tensor.js'
import { type Weights } from '../nn/weights.js'
import {
  parseWarpAutoencoderConfig,
  WARP_AUTOENCODER_CLASS,
  warpDecoder,
  warpEncoder,
} from './autoencoder-warp/index.js'
import { parseVaeConfig, VAE_CLASS, vaeDecoder, vaeEncoder } from './vae/index.js'

/** What every first stage says of itself. */
export interface AutoencoderConfig {
  readonly latentChannels: number
  /** Latents are multiplied by this for the denoiser and divided by it for the decoder (not the image condition). */
  readonly scalingFactor: number
  /** The pictures' size it was trained for; the network itself takes any. */
  readonly sampleSize: number
  /** Whether it must run in float32 where the rest runs in float16. */
  readonly forceUpcast: boolean
  /** Pixels per latent pixel. */
  readonly factor: number
}

/**
 * The first stage of a model, whatever its class: what takes pictures to latents and back. That of SVD knows a picture
 * by itself; that of `AutoencoderKLWarp` only by what it differs in from the picture that its clip begins with.
 */
export interface Autoencoder {
  readonly className: string
  readonly config: AutoencoderConfig
  /** `rgb`: 3 channels in [-1, 1]. `rgba`: 4 channels in [0, 1], the colours times alpha. */
  readonly pixels: 'rgb' | 'rgba'
  /** Channels of a picture. */
  readonly channels: 3 | 4
  /** Whether latents are relative to the clip's first picture. */
  readonly relative: boolean
  /**
   * Mean latents of pictures (b f, channels, H, W), unscaled.
   *
   * @param first (b, channels, H, W), what each clip begins with; of no account where latents are not relative
   */
  encode(w: Weights, pictures: Tensor, first: Tensor): Tensor
  /** Pictures of latents (b f, latentChannels, h, w), divided by the scaling factor; `first` as `encode` has it. */
  decode(w: Weights, latents: Tensor, frames: number, first: Tensor): Tensor
}

type Parser = (json: unknown, file: string) => Autoencoder

const CLASSES: Readonly<Record<string, Parser>> = {
  [VAE_CLASS]: (json, file) => {
    const config = parseVaeConfig(json, file)
    return {
      className: VAE_CLASS,
      config,
      pixels: 'rgb',
      channels: 3,
      relative: false,
      encode: (w, pictures) => vaeEncoder(w, config, pictures).mean,
      decode: (w, latents, frames) => vaeDecoder(w, config, latents, frames),
    }
  },
  [WARP_AUTOENCODER_CLASS]: (json, file) => {
    const config = parseWarpAutoencoderConfig(json, file)
    return {
      className: WARP_AUTOENCODER_CLASS,
      config,
      pixels: 'rgba',
      channels: 4,
      relative: true,
      encode: (w, pictures, first) => warpEncoder(w, config, pictures, first).mean,
      decode: (w, latents, _, first) => warpDecoder(w, config, latents, first).frames,
    }
  },
}

/** Classes of first stages that are known. */
export const AUTOENCODER_CLASSES: readonly string[] = Object.keys(CLASSES)

/**
 * Reads the config.json of a first stage, of the class that it names; SVD's where it names none.
 *
 * @throws UserError naming the file and the field, for a class or a field that is unknown.
 */
export function parseAutoencoder(json: unknown, file: string): Autoencoder {
  const written = (json as { _class_name?: unknown } | null)?._class_name ?? VAE_CLASS
  const parse = typeof written === 'string' && Object.hasOwn(CLASSES, written) ? CLASSES[written] : undefined
  if (parse) return parse(json, file)
  throw new UserError(
    `${file}: field _class_name is ${JSON.stringify(written)}; give one of ${AUTOENCODER_CLASSES.join(', ')}`,
  )
}
