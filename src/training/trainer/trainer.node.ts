import { type Group } from '../../runtime/group.js'
import { type Engine } from '../../runtime/program.js'
import { Scope } from '../../runtime/scope.js'
import { batchRandom } from '../batches/batch-random.js'
import { optimizerOf } from '../objectives/fields.js'
import { type Learners, type OpenObjective, type Sample } from '../objectives/objective.js'
import { objectiveOf, type Recipe } from '../objectives/registry.node.js'
import { GradientProgram } from './gradient-program.js'
import { initialValues } from './initial-values.js'
import { Learner } from './learner.js'
import { Layout } from './parameters.js'

/** What a run goes on with when the objective is open; first values would only take up memory. */
type Running = Omit<OpenObjective, 'initial'>

/**
 * Trains the networks of an objective. It owns all that the objective opened, the gradients, the learners and their learning rates.
 */
export class Trainer {
  private constructor(
    private readonly recipe: Recipe,
    private readonly objective: Running,
    private readonly program: GradientProgram,
    readonly learners: Learners,
    private readonly group: Group,
    private readonly scope: Scope,
  ) {}

  /**
   * Opens the objective of a recipe, and the gradients of its step.
   *
   * @throws UserError when a file or a network does not suit the recipe; then nothing stays open.
   */
  static open(recipe: Recipe, engine: Engine, group: Group): Promise<Trainer> {
    return Scope.open(async (scope) => {
      const { initial = {}, ...objective } = await objectiveOf(recipe).open(recipe, { engine, group, scope })
      const { trained } = objective.graph
      const goals = trained.map(({ loss, set }) => ({ ...loss, trained: set }))
      const program = scope.own(await GradientProgram.open(engine, ...goals))
      const learners = trained.map(({ name, set, optimizer }) => {
        const first = initial[name] ?? initialValues(set, new Layout(set.shapes), recipe.seed)
        const { ema, maxGradientNorm } = recipe
        const options = { optimizer: optimizerOf(optimizer), emaDecay: ema, maxGradientNorm, group }
        return [name, new Learner(set, first, options)] as const
      })
      return new Trainer(recipe, objective, program, Object.fromEntries(learners), group, scope)
    })
  }

  /** Names of the clips that were drawn for batches; the run empties it before each step. */
  get drawn(): string[] {
    return this.objective.drawn
  }

  /** Pictures per second of the samples. */
  get fps(): number {
    return this.objective.fps
  }

  /** Takes step `step` (from 1) and returns numbers for the log, this process's own. */
  async step(step: number): Promise<Record<string, number>> {
    const { recipe, objective, program, learners } = this
    const { trained } = objective.graph
    const random = batchRandom(recipe.seed, step, recipe.batch, this.group)
    const own = trained.map(({ name, average }) => ({
      ...learners[name]!.feeds(),
      ...(average && learners[name]!.averageFeeds(average)),
    }))
    const weights = Object.assign({}, objective.frozen, ...own) as Record<string, Float32Array>
    const accumulation = 'accumulation' in recipe ? recipe.accumulation : 1
    const { metrics } = await program.accumulate(accumulation, async () => ({
      ...weights,
      ...(await objective.draw(random, step)),
    }))
    const norms: Record<string, number> = {}
    const rates: number[] = []
    for (const [i, { name, optimizer }] of trained.entries()) {
      const rate = learningRate(optimizer.learningRate, step, recipe)
      const norm = i === 0 ? 'gradientNorm' : `${name}GradientNorm`
      norms[norm] = await learners[name]!.apply(program.gradients[i]!, rate)
      rates.push(rate)
    }
    return { ...(objective.logged?.(metrics) ?? metrics), ...norms, learningRate: rates[0]! }
  }

  /** Clips that show the state of the run; all of one size and length, or pictures of one frame. */
  sample(): Promise<readonly Sample[]> {
    return this.objective.sample(this.learners)
  }

  /** Writes the finished component into the recipe's output folder. */
  export(): Promise<void> {
    return this.objective.export(this.learners)
  }

  /** Frees graphs and files. */
  close(): Promise<void> {
    return this.scope.close()
  }
}

/** Learning rate of a step, counted from 1: linear warm-up, then constant or a half cosine down to 0. */
export function learningRate(
  peak: number,
  step: number,
  { warmup, decay, steps }: Pick<Recipe, 'warmup' | 'decay' | 'steps'>,
): number {
  if (step <= warmup) return (peak * step) / warmup
  if (decay === 'constant') return peak
  return (peak * (1 + Math.cos((Math.PI * (step - warmup)) / Math.max(1, steps - warmup)))) / 2
}
