import { lower } from '../../graph/lower.js'
import { type Tensor } from '../../graph/tensor.js'
import { type ParameterSet } from '../../nn/weights.js'
import { type Group } from '../../runtime/group.js'
import { type Engine, type Program, type Values } from '../../runtime/program.js'
import { saveComponent, type StartedNetwork } from '../components.node.js'
import { GradientProgram, type LossGraph } from '../gradient-program.js'
import { Learner } from '../learner.js'
import { Layout } from '../parameters.js'
import { learningRate, optimizerOf, type RecipeOf } from '../recipe/index.js'

/** Clips whose latents the scale is measured on. */
const MEASURED = 64

/** What is trained of an autoencoder: where it starts, its objective, and the graph that rebuilds clips. */
export interface FirstStageParts {
  readonly set: ParameterSet
  readonly start: StartedNetwork<unknown>
  readonly loss: LossGraph
  readonly rebuild: Readonly<Record<string, Tensor>>
}

/** The training of a first stage, of the whole or of its decoder alone: what is the same for every autoencoder. */
export class FirstStage {
  private constructor(
    private readonly recipe: RecipeOf<'vae'> | RecipeOf<'warp-autoencoder'>,
    private readonly parts: FirstStageParts,
    private readonly whole: Layout,
    private readonly program: GradientProgram,
    readonly learner: Learner,
    private readonly rebuilder: Program,
  ) {
    this.frozen = whole.views(parts.start.initial, parts.set.prefix)
  }

  /** All first weights, by name; those that are trained are replaced in feeds. */
  private readonly frozen: Readonly<Record<string, Float32Array>>

  /** Opens the graphs. */
  static async open(
    recipe: RecipeOf<'vae'> | RecipeOf<'warp-autoencoder'>,
    parts: FirstStageParts,
    engine: Engine,
    group: Group,
  ): Promise<FirstStage> {
    const { set, start, loss, rebuild } = parts
    const whole = new Layout(set.shapes)
    const trained = recipe.part === 'decoder' ? set.under('decoder') : set
    const program = await GradientProgram.open(engine, { ...loss, trained })
    const learner = new Learner(trained, whole.extract(start.initial, new Layout(trained.shapes)), {
      optimizer: optimizerOf(recipe.optimizer),
      emaDecay: recipe.ema,
      maxGradientNorm: recipe.maxGradientNorm,
      group,
    })
    return new FirstStage(recipe, parts, whole, program, learner, await engine.load(lower(rebuild)))
  }

  /**
   * Takes a step of training.
   *
   * @param peak the square of the distance from black to white in the objective's pixels, for the log's `psnr`
   * @returns the numbers of the log.
   */
  async update(step: number, feeds: Readonly<Record<string, Values>>, peak: number): Promise<Record<string, number>> {
    const { recipe, learner, program } = this
    const { metrics } = await program.run({ ...this.frozen, ...learner.feeds(), ...feeds })
    const rate = learningRate(recipe.optimizer.learningRate, step, recipe)
    const gradientNorm = await learner.apply(program.gradients[0]!, rate)
    const { mse, ...rest } = metrics
    return { ...rest, psnr: 10 * Math.log10(peak / mse!), gradientNorm, learningRate: rate }
  }

  /** Runs the graph that rebuilds clips, with the average weights. */
  rebuild(feeds: Readonly<Record<string, Values>>): Promise<Record<string, Float32Array>> {
    const { learner, parts } = this
    return this.rebuilder.run({ ...this.frozen, ...learner.layout.views(learner.average, parts.set.prefix), ...feeds })
  }

  /**
   * Writes the network with its average weights. SVD scales latents to unit deviation: the scale is measured on clips;
   * a frozen encoder keeps its own.
   *
   * @param clips how many there are
   * @param latentsOf the latents of one of them
   */
  async export(clips: number, latentsOf: (clip: number) => Promise<Float32Array>): Promise<void> {
    const { recipe, whole, learner } = this
    const { json, initial } = this.parts.start
    const scale = recipe.part === 'decoder' ? {} : { scaling_factor: await latentScale(clips, latentsOf) }
    const values = whole.replace(initial, learner.layout, learner.average)
    await saveComponent(recipe.output, 'vae', { ...json, ...scale }, whole, values)
  }

  /** Frees the graphs. */
  async close(): Promise<void> {
    await Promise.all([this.program.dispose(), this.rebuilder.dispose()])
  }
}

/** The factor that takes latents to unit mean square, over clips spread evenly, to six digits. */
async function latentScale(clips: number, latentsOf: (clip: number) => Promise<Float32Array>): Promise<number> {
  const measured = Math.min(MEASURED, clips)
  let total = 0
  for (let i = 0; i < measured; i++) {
    const latents = await latentsOf(Math.floor((i * clips) / measured))
    total += latents.reduce((sum, x) => sum + x * x, 0) / latents.length / measured
  }
  return Number((1 / Math.sqrt(total)).toPrecision(6))
}
