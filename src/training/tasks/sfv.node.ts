import { discriminatorNoise, drawSigma } from '../../diffusion/index.js'
import { type Group } from '../../runtime/group.js'
import { type Engine } from '../../runtime/program.js'
import { type RecipeOf } from '../recipe/index.js'
import { type Task } from '../task.js'
import { adversarialTask, type AdversarialRules } from './adversarial.node.js'

/** SF-V: s' by the discretised lognormal (PAPER eq. 7), whatever the generator's level. */
export function sfvTask(recipe: RecipeOf<'sfv'>, engine: Engine, group: Group): Promise<Task> {
  const law = discriminatorNoise({ pMean: recipe.pMean, pStd: recipe.pStd, count: recipe.discriminatorLevels })
  const rules: AdversarialRules = {
    discriminatorSigma: (random) => drawSigma(law, random.uniform()),
  }
  return adversarialTask(recipe, rules, engine, group)
}
