import { SVD_SIGMAS } from '../../diffusion/index.js'
import { type Group } from '../../runtime/group.js'
import { type Engine } from '../../runtime/program.js'
import { type RecipeOf } from '../recipe/index.js'
import { type Task } from '../task.js'
import { adversarialTask, type AdversarialRules } from './adversarial.node.js'

/** UFOGen: s' is the generator's next lower level. */
export function ufogenTask(recipe: RecipeOf<'ufogen'>, engine: Engine, group: Group): Promise<Task> {
  const rules: AdversarialRules = {
    discriminatorSigma: (_, t, levels) => levels[t - 1] ?? SVD_SIGMAS.sigmaMin,
  }
  return adversarialTask(recipe, rules, engine, group)
}
