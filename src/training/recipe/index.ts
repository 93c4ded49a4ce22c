export { learningRate } from './learning-rate.js'
export { optimizerOf } from './optimizer.js'
export { parseRecipe } from './parse.js'
export {
  type AdversarialRecipe,
  type DistillationRecipe,
  type Recipe,
  recipeJsonSchema,
  type RecipeOf,
} from './schema.js'
