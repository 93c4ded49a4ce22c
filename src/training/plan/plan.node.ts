import { UserError } from '../../errors.js'
import { ShapeError } from '../../graph/op.js'
import { objectiveOf, type Recipe } from '../objectives/registry.node.js'
import { located } from '../recipe/read.node.js'
import { planTraining, type Plan } from './plan.js'

/**
 * Works out what a recipe takes without a checkpoint or a clip: configurations come from the recipe, or from the
 * folders that it names where they are there.
 *
 * @throws UserError where neither the recipe nor a folder has a configuration or the size of the clips, or the networks
 *   cannot be built or do not fit each other.
 */
export async function planRecipe(recipe: Recipe): Promise<Plan> {
  const found = located(recipe)
  const objective = objectiveOf(found)
  const surroundings = await objective.surroundings(found)
  try {
    const accumulation = 'accumulation' in found ? found.accumulation : 1
    return planTraining(objective.graph(found, surroundings), accumulation)
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error
    throw new UserError(
      `${surroundings.file}: no network can be made of it: ${error.message}; change it, or the recipe's sizes`,
    )
  }
}
