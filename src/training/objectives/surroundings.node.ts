import { ClipStore } from '../../data/store.node.js'
import { UserError } from '../../errors.js'
import { type Size } from '../../media/resize.js'
import { parseAutoencoder } from '../../models/autoencoder.js'
import { parseClipVisionConfig } from '../../models/clip/index.js'
import { controlsOf } from '../../models/controls.js'
import { parseUNetConfig } from '../../models/unet/index.js'
import { latentSize } from '../../svd/first-stage.js'
import { readConfig } from '../output/components.node.js'
import { type Surroundings } from './objective.js'

/** Channels of a picture: red, green, blue. */
const COLOURS = 3
/** SVD's: a latent for 8x8 pixels. */
const USUAL_FACTOR = 8

/** The configuration of the network that a recipe trains: its own, or that of a pipeline folder. */
export async function networkOf(
  network: string | object,
  component: string,
): Promise<Pick<Surroundings, 'json' | 'file'>> {
  return typeof network === 'string' ? readConfig(network, component) : { json: network, file: 'recipe field network' }
}

/** The size of a recipe's clips in pixels: as it says, else that of its store. */
export async function clipSize(recipe: { data: string; width?: number; height?: number }): Promise<Size> {
  if (recipe.width !== undefined && recipe.height !== undefined) return { width: recipe.width, height: recipe.height }
  const store = await ClipStore.open(recipe.data)
  await store.close()
  return { width: store.width, height: store.height }
}

/**
 * What the step of a UNet depends on. It must fit the first stage and the image encoder that it is trained with, where those are
 * known.
 *
 * @throws UserError naming the field that does not.
 */
export async function unetSurroundings(recipe: {
  readonly model: string
  readonly network?: string | object | undefined
  readonly data: string
  readonly width?: number
  readonly height?: number
}): Promise<Surroundings> {
  const { json, file } = await networkOf(recipe.network ?? recipe.model, 'unet')
  const config = parseUNetConfig(json, file)
  const vae = (await knownConfig(recipe.model, 'vae', parseAutoencoder))?.config
  const imageEncoder = await knownConfig(recipe.model, 'image_encoder', parseClipVisionConfig)
  if (vae) {
    const latents = `the VAE makes latents of ${vae.latentChannels} channels`
    controlsOf(config.inChannels, vae.latentChannels, `${file}: field in_channels`)
    expectField(file, 'out_channels', config.outChannels, vae.latentChannels, latents)
  }
  if (imageEncoder) {
    const { projection } = imageEncoder
    const reason = `the image encoder's vectors are ${projection} wide`
    expectField(file, 'cross_attention_dim', config.down[0]!.contextWidth, projection, reason)
  }
  return { json, file, ...latentSize(await clipSize(recipe), vae?.factor ?? USUAL_FACTOR, config) }
}

/** The configuration of a component, where the model has it already. */
async function knownConfig<C>(model: string, component: string, parse: (json: object, file: string) => C) {
  const known = await readConfig(model, component).catch(() => undefined)
  return known && parse(known.json, known.file)
}

/**
 * Checks that a field of a network that takes or gives pictures has three channels.
 *
 * @throws UserError naming the field.
 */
export function expectColours(file: string, field: string, value: number): void {
  expectField(file, field, value, COLOURS, 'pictures have three colours')
}

function expectField(file: string, field: string, value: number, expected: number, reason: string): void {
  if (value !== expected)
    throw new UserError(`${file}: field ${field} is ${value}, but ${reason}: it must be ${expected}`)
}
