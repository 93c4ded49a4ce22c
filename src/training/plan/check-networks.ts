import { UserError } from '../../errors.js'
import { type AutoencoderConfig } from '../../models/autoencoder.js'
import { controlsOf } from '../../models/controls.js'
import { type ClipVisionConfig } from '../../models/clip/index.js'
import { type UNetConfig } from '../../models/unet/index.js'
import { type VaeConfig } from '../../models/vae/index.js'

/** Channels of a picture: red, green, blue. */
const COLOURS = 3

/**
 * Checks that a UNet fits the networks that it is trained with, where those are known.
 *
 * @param file what messages call its configuration
 * @throws UserError naming the field that does not.
 */
export function checkUNet(
  config: UNetConfig,
  file: string,
  vae: AutoencoderConfig | undefined,
  imageEncoder: ClipVisionConfig | undefined,
): void {
  const context = config.down[0]!.contextWidth
  if (vae) {
    const latents = `the VAE makes latents of ${vae.latentChannels} channels`
    controlsOf(config.inChannels, vae.latentChannels, `${file}: field in_channels`)
    expectField(file, 'out_channels', config.outChannels, vae.latentChannels, latents)
  }
  if (imageEncoder) {
    const { projection } = imageEncoder
    expectField(file, 'cross_attention_dim', context, projection, `the image encoder's vectors are ${projection} wide`)
  }
}

/**
 * Checks that a VAE takes pictures and gives such, and that it can halve crops as often as it does.
 *
 * @throws UserError naming the field that is wrong.
 */
export function checkVae({ inChannels, outChannels, factor }: VaeConfig, file: string, crop: number): void {
  expectField(file, 'in_channels', inChannels, COLOURS, 'pictures have three colours')
  expectField(file, 'out_channels', outChannels, COLOURS, 'pictures have three colours')
  if (crop % factor !== 0)
    throw new UserError(`recipe field crop is ${crop}; give a multiple of ${factor}, by which the VAE shrinks it`)
}

/**
 * Checks that an image encoder takes pictures.
 *
 * @throws UserError naming the field that is wrong.
 */
export function checkImageEncoder({ channels }: ClipVisionConfig, file: string): void {
  expectField(file, 'num_channels', channels, COLOURS, 'pictures have three colours')
}

function expectField(file: string, field: string, value: number, expected: number, reason: string): void {
  if (value !== expected)
    throw new UserError(`${file}: field ${field} is ${value}, but ${reason}: it must be ${expected}`)
}
