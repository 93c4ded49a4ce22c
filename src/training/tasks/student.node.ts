import { join } from 'node:path'
import { UserError } from '../../errors.js'
import { type UNetConfig } from '../../models/unet/index.js'
import { ParameterSet, type Weights } from '../../nn/weights.js'
import { type Group } from '../../runtime/group.js'
import { saveCheckpoint } from '../../weights/checkpoint.node.js'
import { readConfig, readWeights, saveComponent } from '../components.node.js'
import { Learner } from '../learner.js'
import { initialAdapters, loraTensors, loraWeights, type LoraOptions } from '../lora.js'
import { mergeLora } from '../merge-lora.node.js'
import { Layout } from '../parameters.js'
import { LORA_FILE } from '../read-lora.node.js'
import { optimizerOf, type DistillationRecipe } from '../recipe/index.js'
import { studentGraph } from '../student.js'

/**
 * The network that a distillation trains, which begins as the teacher, or as the student of an earlier distillation: all of
 * its weights, or a LoRA on the teacher's. The teacher's weights are held once, whatever part they play in a graph: teacher,
 * backbone of the discriminator, base of the LoRA.
 */
export class Student {
  private constructor(
    readonly config: UNetConfig,
    /** The student in a graph. */
    readonly weights: Weights,
    /** The teacher in a graph. */
    readonly teacher: ParameterSet,
    /** What is trained. */
    readonly learner: Learner,
    private readonly frozen: Readonly<Record<string, Float32Array>>,
    private readonly json: object,
    private readonly model: string,
    private readonly lora: LoraOptions | undefined,
  ) {}

  /**
   * Reads the teacher of the recipe's model, and its student where the recipe starts from that.
   *
   * @throws UserError when a target of the LoRA is no module of the teacher, or the model has no student to start from.
   */
  static async open(recipe: DistillationRecipe, group: Group): Promise<Student> {
    const { json, file } = await readConfig(recipe.model, 'unet')
    const { config, weights, trained, teacher } = studentGraph(json, file, recipe.lora)
    const values = await readWeights(recipe.model, 'unet', teacher)
    const learner = new Learner(trained, await initialStudent(recipe, trained, values), {
      optimizer: optimizerOf(recipe.optimizer),
      emaDecay: recipe.ema,
      maxGradientNorm: recipe.maxGradientNorm,
      group,
    })
    const frozen = new Layout(teacher.shapes).views(values, teacher.prefix)
    return new Student(config, weights, teacher, learner, frozen, json, recipe.model, recipe.lora)
  }

  /** The weights of student and teacher under the names that graphs know them by. */
  feeds(): Record<string, Float32Array> {
    return { ...this.frozen, ...this.learner.feeds() }
  }

  /** The same with the average of the student's weights in their place. */
  averageFeeds(): Record<string, Float32Array> {
    return { ...this.frozen, ...this.learner.layout.views(this.learner.average, this.learner.set.prefix) }
  }

  /** The average of the student in a graph of its own parameters, and what feeds them. */
  average(): { weights: Weights; feeds: () => Record<string, Float32Array> } {
    const set = new ParameterSet('average/')
    const weights = this.lora ? loraWeights(this.teacher, set, this.lora) : set
    return { weights, feeds: () => this.learner.layout.views(this.learner.average, set.prefix) }
  }

  /**
   * Writes the component `student`, float16. Of a LoRA it is the teacher with the update in it; the update itself lies beside it as
   * `student_lora`, which diffusers loads and `sfv merge` takes.
   */
  async export(output: string): Promise<void> {
    const { layout, average } = this.learner
    if (!this.lora) return saveComponent(output, 'student', this.json, layout, average)
    const file = join(output, 'student_lora', LORA_FILE)
    await saveCheckpoint(file, loraTensors(layout, average, this.lora), { dtype: 'F16' })
    await mergeLora(this.model, file, output, 'F16', true)
  }
}

/** The values that the student begins with, in the order of `trained`: its own, where those of the teacher are `teacher`. */
async function initialStudent(
  recipe: DistillationRecipe,
  trained: ParameterSet,
  teacher: Float32Array,
): Promise<Float32Array> {
  if (recipe.lora && recipe.start === 'student')
    throw new UserError('recipe field start: a LoRA is trained on the teacher; leave out lora, or start')
  if (recipe.lora) return initialAdapters(trained, recipe.seed)
  return recipe.start === 'student' ? readWeights(recipe.model, 'student', trained) : teacher
}
