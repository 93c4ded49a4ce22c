import { packaged } from '../../weights/packaged.node.js'
import { type Recipe } from './schema.js'

/**
 * A recipe with `model` and `network` found: `models/fluent` is the one of the package where there is no such folder.
 */
export function located<R extends Recipe>(recipe: R): R {
  const found: { model?: string; network?: string } = {}
  if ('model' in recipe) found.model = packaged(recipe.model)
  if ('network' in recipe && typeof recipe.network === 'string') found.network = packaged(recipe.network)
  return { ...recipe, ...found }
}

/** The pipeline folder that a recipe starts from, where it starts from one. */
export function baseOf(recipe: Recipe): string | undefined {
  if ('model' in recipe) return recipe.model
  return 'network' in recipe && typeof recipe.network === 'string' ? recipe.network : undefined
}

/** The components that a recipe's run writes into its output. */
export function writtenComponents(recipe: Recipe): readonly string[] {
  switch (recipe.objective) {
    case 'vae':
    case 'warp-autoencoder':
      return ['vae']
    case 'image-encoder':
      return ['image_encoder']
    case 'teacher':
      return ['unet']
    case 'video-features':
      return ['features']
    default:
      return recipe.lora ? ['student', 'student_lora'] : ['student']
  }
}
