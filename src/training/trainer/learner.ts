import { type ParameterSet } from '../../nn/weights.js'
import { type Shape } from '../../graph/tensor.js'
import { alone, type Group } from '../../runtime/group.js'
import { clipFactor, ema, euclideanNorm, type Optimizer, type Updated } from './optimizers.js'
import { Layout } from './parameters.js'

/** Settings that a learner keeps for its life. */
export interface LearnerOptions {
  readonly optimizer: Optimizer
  /** Decay of the exponential moving average of the parameters. */
  readonly emaDecay: number
  /** Largest gradient norm; larger gradients are scaled down to it. Left out: never. */
  readonly maxGradientNorm?: number
  /** Who trains this network together: gradients are averaged over them before each update. Left out: this process. */
  readonly group?: Group
}

/** A vector of optimiser state, and where in it the tensors' state lies. */
export interface Slot {
  readonly layout: Layout
  readonly values: Float32Array
}

/**
 * The parameters of one trained network with their average and the optimiser's state, one flat vector each, all of them
 * updated in place.
 */
export class Learner {
  step = 0
  readonly layout: Layout
  readonly parameters: Float32Array
  /** The exponential moving average of the parameters. */
  readonly average: Float32Array
  /** Optimiser state, by slot, each a vector of its own layout. */
  readonly slots: Readonly<Record<string, Slot>>

  /** @param initial the parameters' first values in the order of `new Layout(set.shapes)` */
  constructor(
    readonly set: ParameterSet,
    initial: Float32Array,
    private readonly options: LearnerOptions,
  ) {
    this.layout = new Layout(set.shapes)
    this.parameters = initial.slice()
    this.average = initial.slice()
    this.slots = slotsOf(this.layout, options.optimizer)
  }

  /** The parameters under the names that graphs know them by. */
  feeds(): Record<string, Float32Array> {
    return this.layout.views(this.parameters, this.set.prefix)
  }

  /** Their average under the names that graphs know the parameters by, or its own set of the same names. */
  averageFeeds(set = this.set): Record<string, Float32Array> {
    return this.layout.views(this.average, set.prefix)
  }

  /**
   * Takes one optimiser step along the group's mean of `gradient` (same layout as the parameters), which is overwritten with
   * that mean; returns the mean's norm.
   */
  async apply(gradient: Float32Array, learningRate: number): Promise<number> {
    const { optimizer, emaDecay, maxGradientNorm, group = alone } = this.options
    await group.average(gradient)
    const norm = euclideanNorm(gradient)
    const scale = maxGradientNorm === undefined ? 1 : clipFactor(norm, maxGradientNorm)
    this.step += 1
    for (const tensor of optimizer.elementwise ? [this.whole(gradient)] : this.tensors(gradient))
      optimizer.update(tensor, { learningRate, step: this.step, scale })
    ema(this.average, this.parameters, emaDecay)
    return norm
  }

  /** All tensors as one vector: for an optimiser that looks at no element's neighbours. */
  private whole(gradient: Float32Array): Updated {
    const { parameters: parameter, layout, slots } = this
    return { shape: [layout.size], parameter, gradient, slots: mapValues(slots, ({ values }) => values) }
  }

  private *tensors(gradient: Float32Array): Generator<Updated> {
    const { optimizer } = this.options
    const views = (vector: Float32Array) => this.layout.views(vector)
    const [parameters, gradients] = [views(this.parameters), views(gradient)]
    const state = mapValues(this.slots, ({ layout, values }) => layout.views(values))
    for (const { name, shape } of this.layout.spans) {
      const slots = mapValues(optimizer.slots(shape), (_, slot) => state[slot]![`${slot}/${name}`]!)
      yield { shape, parameter: parameters[name]!, gradient: gradients[name]!, slots }
    }
  }
}

/** The state of an optimiser for tensors, all zeros. */
function slotsOf({ spans }: Layout, optimizer: Optimizer): Record<string, Slot> {
  const shapes: Record<string, [string, Shape][]> = {}
  for (const { name, shape } of spans)
    for (const [slot, of] of Object.entries(optimizer.slots(shape))) (shapes[slot] ??= []).push([`${slot}/${name}`, of])
  return mapValues(shapes, (of) => {
    const layout = new Layout(of)
    return { layout, values: new Float32Array(layout.size) }
  })
}

function mapValues<A, B>(record: Readonly<Record<string, A>>, of: (value: A, key: string) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, of(value, key)]))
}
