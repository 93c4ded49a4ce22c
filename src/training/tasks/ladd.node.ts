import { type Group } from '../../runtime/group.js'
import { type Engine } from '../../runtime/program.js'
import { type RecipeOf } from '../recipe/index.js'
import { type Task } from '../task.js'
import { adversarialTask, type AdversarialRules } from './adversarial.node.js'
import { TeacherSamples } from './teacher-samples.node.js'

/** LADD: the teacher's samples are the real data; s' is lognormal, which is a logit-normal time. */
export function laddTask(recipe: RecipeOf<'ladd'>, engine: Engine, group: Group): Promise<Task> {
  const rules: AdversarialRules = {
    discriminatorSigma: (random) => Math.exp(recipe.pMean + recipe.pStd * random.normals(1)[0]!),
    openReal: (student, videos) => TeacherSamples.open(engine, student, videos, recipe),
  }
  return adversarialTask(recipe, rules, engine, group)
}
