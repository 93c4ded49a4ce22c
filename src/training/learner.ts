import { lower } from '../graph/lower.js'
import { input, mul, type Operand } from '../graph/ops/index.js'
import { type Shape, type Tensor } from '../graph/tensor.js'
import { type ParameterSet } from '../nn/weights.js'
import { type Engine, type Program } from '../runtime/program.js'
import { clipFactor, ema, globalNorm, type Optimizer } from './optimizers.js'
import { Layout } from './parameters.js'

/** Settings that a learner keeps for its life. */
export interface LearnerOptions {
  readonly optimizer: Optimizer
  /** Decay of the exponential moving average of the parameters. */
  readonly emaDecay: number
  /** Largest gradient norm; larger gradients are scaled down to it. Left out: never. */
  readonly maxGradientNorm?: number
}

/**
 * The parameters of one trained network with their average and the optimiser's state, all in flat vectors, and the graph
 * that updates them.
 */
export class Learner {
  readonly layout: Layout
  readonly parameters: Float32Array
  readonly average: Float32Array
  /** Optimiser state, by slot, each a vector of its own layout. */
  readonly slots: Readonly<Record<string, { layout: Layout; values: Float32Array }>>
  step = 0

  private constructor(
    readonly set: ParameterSet,
    layout: Layout,
    initial: Float32Array,
    slots: Record<string, Layout>,
    private readonly program: Program,
  ) {
    this.layout = layout
    this.parameters = initial.slice()
    this.average = initial.slice()
    this.slots = Object.fromEntries(
      Object.entries(slots).map(([slot, of]) => [slot, { layout: of, values: new Float32Array(of.size) }]),
    )
  }

  /** Opens the update graph. `initial` has the parameters' first values in the order of `new Layout(set.shapes)`. */
  static async open(
    engine: Engine,
    set: ParameterSet,
    initial: Float32Array,
    options: LearnerOptions,
  ): Promise<Learner> {
    const layout = new Layout(set.shapes)
    // An elementwise optimiser sees one long vector: a dozen nodes instead of a dozen a tensor.
    const units = options.optimizer.elementwise ? new Layout([['all', [layout.size]]]) : layout
    const slots = slotLayouts(units, options.optimizer)
    return new Learner(set, layout, initial, slots, await engine.load(lower(updateGraph(units, options))))
  }

  /** The parameters under the names that graphs know them by. */
  feeds(): Record<string, Float32Array> {
    return this.layout.views(this.parameters, this.set.prefix)
  }

  /** Takes one optimiser step along `gradient` (same layout as the parameters); returns the gradient's norm. */
  async apply(gradient: Float32Array, learningRate: number): Promise<number> {
    this.step += 1
    const units = this.units()
    const { norm } = await this.program
      .run({
        ...units.views(this.parameters, 'p/'),
        ...units.views(this.average, 'e/'),
        ...units.views(gradient, 'g/'),
        ...this.slotViews('s/'),
        learningRate: Float32Array.of(learningRate),
        step: Float32Array.of(this.step),
      })
      .then((results) => {
        const into = {
          ...units.views(this.parameters, 'new p/'),
          ...units.views(this.average, 'new e/'),
          ...this.slotViews('new s/'),
        }
        for (const [name, view] of Object.entries(into)) view.set(results[name]!)
        return { norm: results.norm![0]! }
      })
    return norm
  }

  private units(): Layout {
    return this.program.inputs.some((port) => port.name === 'p/all')
      ? new Layout([['all', [this.layout.size]]])
      : this.layout
  }

  private slotViews(prefix: string): Record<string, Float32Array> {
    return Object.assign(
      {},
      ...Object.values(this.slots).map(({ layout, values }) => layout.views(values, prefix)),
    ) as Record<string, Float32Array>
  }

  /** Frees the update graph. */
  dispose(): Promise<void> {
    return this.program.dispose()
  }
}

function slotLayouts(units: Layout, optimizer: Optimizer): Record<string, Layout> {
  const shapes: Record<string, [string, Shape][]> = {}
  for (const { name, shape } of units.spans)
    for (const [slot, of] of Object.entries(optimizer.slots(shape))) (shapes[slot] ??= []).push([`${slot}/${name}`, of])
  return Object.fromEntries(Object.entries(shapes).map(([slot, of]) => [slot, new Layout(of)]))
}

function updateGraph(units: Layout, { optimizer, emaDecay, maxGradientNorm }: LearnerOptions): Record<string, Tensor> {
  const scalars = { learningRate: input('learningRate', []), step: input('step', []) }
  const gradients = units.spans.map(({ name, shape }) => input(`g/${name}`, shape))
  const norm = globalNorm(gradients)
  const scale: Operand = maxGradientNorm === undefined ? 1 : clipFactor(norm, maxGradientNorm)
  const outputs: Record<string, Tensor> = { norm }
  units.spans.forEach(({ name, shape }, i) => {
    const slots = Object.fromEntries(
      Object.entries(optimizer.slots(shape)).map(([slot, of]) => [slot, input(`s/${slot}/${name}`, of)]),
    )
    const gradient = typeof scale === 'number' ? gradients[i]! : mul(gradients[i]!, scale)
    const update = optimizer.update(input(`p/${name}`, shape), gradient, slots, scalars)
    outputs[`new p/${name}`] = update.parameter
    outputs[`new e/${name}`] = ema(input(`e/${name}`, shape), update.parameter, emaDecay)
    for (const [slot, tensor] of Object.entries(update.slots)) outputs[`new s/${slot}/${name}`] = tensor
  })
  return outputs
}
