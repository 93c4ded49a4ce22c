import { type AdversarialRecipe } from '../recipe/index.js'
import { adversarialLosses, type AdversarialLosses, type AdversarialNetworks } from './adversarial.js'
import { type LatentBatch } from './denoiser.js'
import { laddLosses } from './ladd.js'
import { ufogenLosses } from './ufogen.js'

/** The losses of a recipe's objective. */
export function lossesOf(
  recipe: AdversarialRecipe,
  networks: AdversarialNetworks,
  batch: LatentBatch,
): AdversarialLosses {
  switch (recipe.objective) {
    case 'sfv':
      return adversarialLosses(networks, batch, recipe)
    case 'ufogen':
      return ufogenLosses(networks, batch, recipe)
    case 'ladd':
      return laddLosses(networks, batch, recipe)
  }
}
