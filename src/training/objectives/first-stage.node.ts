import { lower } from '../../graph/lower.js'
import { abs, add, mean, mul, slice, square, sub } from '../../graph/ops/index.js'
import { dim, type Tensor } from '../../graph/tensor.js'
import { type posterior } from '../../models/vae/index.js'
import { type ParameterSet } from '../../nn/weights.js'
import { saveComponent, type StartedNetwork } from '../output/components.node.js'
import { type LossGraph } from '../trainer/gradient-program.js'
import { type Learner } from '../trainer/learner.js'
import { Layout } from '../trainer/parameters.js'
import { type OptimizerRecipe } from './fields.js'
import { type Feeds, type Opening, type StepGraph } from './objective.js'

/** Clips whose latents the scale is measured on. */
const MEASURED = 64

/** Kullback-Leibler divergence of a posterior from a unit Gaussian, mean per value. */
export function gaussianDivergence({ mean: centre, deviation, logVariance }: ReturnType<typeof posterior>): Tensor {
  return mul(mean(sub(sub(add(square(centre), square(deviation)), 1), logVariance)), 0.5)
}

/** Mean absolute difference of neighbouring pixels of x (n, c, h, w), down and across. */
export function edgeDifference(x: Tensor): Tensor {
  const steps = [2, 3].map((axis) => sub(slice(x, axis, 1, dim(x, axis)), slice(x, axis, 0, dim(x, axis) - 1)))
  return add(mean(abs(steps[0]!)), mean(abs(steps[1]!)))
}

/** What an autoencoder's recipe says of what is trained. */
interface FirstStageRecipe {
  readonly part: 'whole' | 'decoder'
  readonly optimizer: OptimizerRecipe
  readonly output: string
}

/** The step of an autoencoder, of the whole or of its decoder alone. */
export function firstStageGraph({ part, optimizer }: FirstStageRecipe, set: ParameterSet, loss: LossGraph): StepGraph {
  if (part === 'whole') return { trained: [{ name: 'vae', set, loss, optimizer }], frozen: [] }
  const frozen = ['encoder', 'quant_conv'].map((module) => set.under(module))
  return { trained: [{ name: 'vae', set: set.under('decoder'), loss, optimizer }], frozen }
}

/** The training of a first stage: what is the same for every autoencoder. */
export class FirstStage {
  private constructor(
    private readonly recipe: FirstStageRecipe,
    private readonly start: StartedNetwork<unknown>,
    private readonly whole: Layout,
    /** The weights that stay as they are. */
    readonly frozen: Feeds,
    /** The first values of what is trained. */
    readonly initial: Float32Array,
    private readonly run: (feeds: Feeds) => Promise<Record<string, Float32Array>>,
  ) {}

  /** Opens the graph that rebuilds clips. */
  static async open(
    recipe: FirstStageRecipe,
    set: ParameterSet,
    start: StartedNetwork<unknown>,
    rebuild: Readonly<Record<string, Tensor>>,
    { engine, scope }: Opening,
  ): Promise<FirstStage> {
    const whole = new Layout(set.shapes)
    const trained = recipe.part === 'decoder' ? set.under('decoder') : set
    const others = [...set.shapes].filter(([name]) => !trained.parameters.has(name))
    const rest = new Layout(others)
    const frozen = rest.views(whole.extract(start.initial, rest), set.prefix)
    const initial = whole.extract(start.initial, new Layout(trained.shapes))
    const program = scope.own(await engine.load(lower(rebuild)))
    return new FirstStage(recipe, start, whole, frozen, initial, (feeds) => program.run(feeds))
  }

  /** Runs the graph that rebuilds clips, with the average weights. */
  rebuild(learner: Learner, feeds: Feeds): Promise<Record<string, Float32Array>> {
    return this.run({ ...this.frozen, ...learner.averageFeeds(), ...feeds })
  }

  /**
   * Writes the network with its average weights. SVD scales latents to unit deviation: the scale is measured on clips;
   * a frozen encoder keeps its own.
   *
   * @param clips how many there are
   * @param latentsOf the latents of one of them
   */
  async export(learner: Learner, clips: number, latentsOf: (clip: number) => Promise<Float32Array>): Promise<void> {
    const { recipe, whole, start } = this
    const scale = recipe.part === 'decoder' ? {} : { scaling_factor: await latentScale(clips, latentsOf) }
    const values = whole.replace(start.initial, learner.layout, learner.average)
    await saveComponent(recipe.output, 'vae', { ...start.json, ...scale }, whole, values)
  }
}

/**
 * The numbers of the log: the peak signal-to-noise ratio in place of the squared error.
 *
 * @param peak the square of the distance from black to white in the objective's pixels
 */
export function withPsnr({ mse, ...rest }: Readonly<Record<string, number>>, peak: number): Record<string, number> {
  return { ...rest, psnr: 10 * Math.log10(peak / mse!) }
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
