import { ClipStore } from '../../data/store.node.js'
import { parseWarpAutoencoderConfig } from '../../models/autoencoder-warp/index.js'
import { parseUNetConfig } from '../../models/unet/index.js'
import { parseAutoencoder } from '../../models/autoencoder.js'
import { readConfig } from '../components.node.js'
import { latentSize } from '../latent-size.js'
import { type Recipe } from '../recipe/index.js'
import { located } from '../recipe/located.node.js'
import { type Surroundings } from './graphs.js'
import { planTraining, type Plan } from './plan.js'

/** SVD's: a latent for 8x8 pixels. */
const USUAL_FACTOR = 8

/**
 * Works out what a recipe takes without a checkpoint or a clip: configurations come from the recipe, or from the folders that
 * it names where they are there.
 *
 * @throws UserError where neither the recipe nor a folder has a configuration or the size of the clips.
 */
export async function planRecipe(recipe: Recipe): Promise<Plan> {
  const found = located(recipe)
  return planTraining(found, await surroundings(found))
}

async function surroundings(recipe: Recipe): Promise<Surroundings> {
  if (recipe.objective === 'vae') return { ...(await networkOf(recipe.network, 'vae')), height: 0, width: 0 }
  if (recipe.objective === 'image-encoder')
    return { ...(await networkOf(recipe.network, 'image_encoder')), height: 0, width: 0 }
  if (recipe.objective === 'video-features')
    return { ...(await networkOf(recipe.network, 'features')), height: 0, width: 0 }
  if (recipe.objective === 'warp-autoencoder') {
    const network = await networkOf(recipe.network, 'vae')
    const { factor } = parseWarpAutoencoderConfig(network.json, network.file)
    return { ...network, ...latentSize(await clipSize(recipe), factor) }
  }
  const network = await networkOf(recipe.network ?? recipe.model, 'unet')
  const config = parseUNetConfig(network.json, network.file)
  return { ...network, ...latentSize(await clipSize(recipe), await latentFactor(recipe.model), config) }
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

/** Pixels to a latent along a side, by the model's VAE where it is there. */
async function latentFactor(model: string): Promise<number> {
  const known = await readConfig(model, 'vae').catch(() => undefined)
  return known ? parseAutoencoder(known.json, known.file).config.factor : USUAL_FACTOR
}
