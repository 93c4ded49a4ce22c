import { UserError } from '../../errors.js'
import { ShapeError } from '../../graph/op.js'
import { ClipStore } from '../../data/store.node.js'
import { parseWarpAutoencoderConfig } from '../../models/autoencoder-warp/index.js'
import { parseClipVisionConfig } from '../../models/clip/index.js'
import { parseUNetConfig } from '../../models/unet/index.js'
import { parseAutoencoder } from '../../models/autoencoder.js'
import { parseVaeConfig } from '../../models/vae/index.js'
import { readConfig } from '../components.node.js'
import { latentSize } from '../latent-size.js'
import { type Recipe } from '../recipe/index.js'
import { located } from '../recipe/located.node.js'
import { checkImageEncoder, checkUNet, checkVae } from './check-networks.js'
import { type Surroundings } from './graphs.js'
import { planTraining, type Plan } from './plan.js'

/** SVD's: a latent for 8x8 pixels. */
const USUAL_FACTOR = 8

/**
 * Works out what a recipe takes without a checkpoint or a clip: configurations come from the recipe, or from the
 * folders that it names where they are there.
 *
 * @throws UserError where neither the recipe nor a folder has a configuration or the size of the clips, or the networks
 *   cannot be built or do not fit each other.
 */
export async function planRecipe(recipe: Recipe): Promise<Plan> {
  const found = located(recipe)
  const given = await surroundings(found)
  try {
    return planTraining(found, given)
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error
    throw new UserError(
      `${given.file}: no network can be made of it: ${error.message}; change it, or the recipe's sizes`,
    )
  }
}

async function surroundings(recipe: Recipe): Promise<Surroundings> {
  if (recipe.objective === 'vae') {
    const network = await networkOf(recipe.network, 'vae')
    checkVae(parseVaeConfig(network.json, network.file), network.file, recipe.crop)
    return { ...network, height: 0, width: 0 }
  }
  if (recipe.objective === 'image-encoder') {
    const network = await networkOf(recipe.network, 'image_encoder')
    checkImageEncoder(parseClipVisionConfig(network.json, network.file), network.file)
    return { ...network, height: 0, width: 0 }
  }
  if (recipe.objective === 'video-features')
    return { ...(await networkOf(recipe.network, 'features')), height: 0, width: 0 }
  if (recipe.objective === 'warp-autoencoder') {
    const network = await networkOf(recipe.network, 'vae')
    const { factor, sampleSize } = parseWarpAutoencoderConfig(network.json, network.file)
    const trainedFor = { width: sampleSize, height: sampleSize }
    return { ...network, ...latentSize(await clipSize(recipe).catch(() => trainedFor), factor) }
  }
  const network = await networkOf(recipe.network ?? recipe.model, 'unet')
  const config = parseUNetConfig(network.json, network.file)
  const vae = (await knownConfig(recipe.model, 'vae', parseAutoencoder))?.config
  checkUNet(config, network.file, vae, await knownConfig(recipe.model, 'image_encoder', parseClipVisionConfig))
  return { ...network, ...latentSize(await clipSize(recipe), vae?.factor ?? USUAL_FACTOR, config) }
}

async function networkOf(network: string | object, component: string): Promise<{ json: object; file: string }> {
  if (typeof network === 'string') return readConfig(network, component)
  return { json: network, file: 'recipe field network' }
}

async function clipSize(recipe: { data: string; width?: number; height?: number }) {
  if (recipe.width !== undefined && recipe.height !== undefined) return { width: recipe.width, height: recipe.height }
  const store = await ClipStore.open(recipe.data)
  await store.close()
  return { width: store.width, height: store.height }
}

/** The configuration of a component, where the model has it already. */
async function knownConfig<C>(model: string, component: string, parse: (json: object, file: string) => C) {
  const known = await readConfig(model, component).catch(() => undefined)
  return known && parse(known.json, known.file)
}
