import { lower } from '../graph/lower.js'
import { input, mul } from '../graph/ops/index.js'
import { type Shape, type Tensor } from '../graph/tensor.js'
import { type ParameterSet } from '../nn/weights.js'
import { alone, type Group } from '../runtime/group.js'
import { type Engine, type Program } from '../runtime/program.js'
import { clipFactor, ema, euclideanNorm, type Optimizer } from './optimizers.js'
import { Layout, windows, type Span } from './parameters.js'

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

/** All that changes from step to step, as flat vectors; `slots` is the optimiser's. */
interface State {
  readonly parameters: Float32Array
  readonly average: Float32Array
  readonly slots: Readonly<Record<string, Float32Array>>
}

/** What one run of the update graph takes of the vectors. */
interface Part {
  readonly parameters: readonly Span[]
  readonly slots: Readonly<Record<string, readonly Span[]>>
}

/**
 * Elements that an elementwise optimiser updates at a time, a megabyte a vector: what lies between two of its operations
 * stays in the processor's cache.
 */
const BLOCK = 2 ** 18

/**
 * The parameters of one trained network with their average and the optimiser's state, all in flat vectors, and the graph
 * that updates them. There are two of each vector: a step reads the one and writes the other, and they change places.
 */
export class Learner {
  readonly layout: Layout
  step = 0
  #current: State
  #next: State

  private constructor(
    readonly set: ParameterSet,
    layout: Layout,
    initial: Float32Array,
    private readonly slotLayouts: Readonly<Record<string, Layout>>,
    private readonly parts: readonly Part[],
    private readonly program: Program,
    private readonly maxGradientNorm: number | undefined,
    private readonly group: Group,
  ) {
    this.layout = layout
    const state = (): State => ({
      parameters: initial.slice(),
      average: initial.slice(),
      slots: mapValues(slotLayouts, ({ size }) => new Float32Array(size)),
    })
    this.#current = state()
    this.#next = state()
  }

  /** Opens the update graph. `initial` has the parameters' first values in the order of `new Layout(set.shapes)`. */
  static async open(
    engine: Engine,
    set: ParameterSet,
    initial: Float32Array,
    options: LearnerOptions,
  ): Promise<Learner> {
    const { optimizer, maxGradientNorm, group = alone } = options
    const layout = new Layout(set.shapes)
    const slots = slotLayouts(layout.spans, optimizer)
    const whole = { parameters: layout.spans, slots: mapValues(slots, ({ spans }) => spans) }
    const parts = optimizer.elementwise ? blocks(layout.size, Object.keys(slots)) : [whole]
    const program = await engine.load(lower(updateGraph(parts[0]!.parameters, options)))
    return new Learner(set, layout, initial, slots, parts, program, maxGradientNorm, group)
  }

  /** The parameters as they are; another array after each step. */
  get parameters(): Float32Array {
    return this.#current.parameters
  }

  /** The exponential moving average of the parameters; another array after each step. */
  get average(): Float32Array {
    return this.#current.average
  }

  /** Optimiser state, by slot, each a vector of its own layout; other arrays after each step. */
  get slots(): Readonly<Record<string, { layout: Layout; values: Float32Array }>> {
    return mapValues(this.slotLayouts, (layout, slot) => ({ layout, values: this.#current.slots[slot]! }))
  }

  /** The parameters under the names that graphs know them by. */
  feeds(): Record<string, Float32Array> {
    return this.layout.views(this.parameters, this.set.prefix)
  }

  /**
   * Takes one optimiser step along the group's mean of `gradient` (same layout as the parameters), which is overwritten with
   * that mean; returns the mean's norm.
   */
  async apply(gradient: Float32Array, learningRate: number): Promise<number> {
    await this.group.average(gradient)
    const norm = euclideanNorm(gradient)
    const scale = this.maxGradientNorm === undefined ? 1 : clipFactor(norm, this.maxGradientNorm)
    const scalars = {
      learningRate: Float32Array.of(learningRate),
      step: Float32Array.of(this.step + 1),
      scale: Float32Array.of(scale),
    }
    const windowsOf = (part: Part, state: State, prefix: string) => ({
      ...windows(part.parameters, state.parameters, `${prefix}p/`),
      ...windows(part.parameters, state.average, `${prefix}e/`),
      ...windowsOfSlots(part, state, `${prefix}s/`),
    })
    for (const part of this.parts) {
      const feeds = { ...windowsOf(part, this.#current, ''), ...windows(part.parameters, gradient, 'g/'), ...scalars }
      await this.program.run(feeds, windowsOf(part, this.#next, 'new '))
    }
    ;[this.#current, this.#next] = [this.#next, this.#current]
    this.step += 1
    return norm
  }

  /** Frees the update graph. */
  dispose(): Promise<void> {
    return this.program.dispose()
  }
}

function windowsOfSlots({ slots }: Part, state: State, prefix: string): Record<string, Float32Array> {
  const all = Object.entries(slots).flatMap(([slot, spans]) =>
    Object.entries(windows(spans, state.slots[slot]!, prefix)),
  )
  return Object.fromEntries(all)
}

function mapValues<A, B>(record: Readonly<Record<string, A>>, of: (value: A, key: string) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, of(value, key)]))
}

/**
 * The vectors in blocks of one size. As the size need not divide them, the last block begins early: what it shares with
 * the one before is computed twice, from the same old values.
 */
function blocks(size: number, slots: readonly string[]): Part[] {
  const count = Math.ceil(size / BLOCK)
  const length = Math.ceil(size / count)
  return Array.from({ length: count }, (_, i) => {
    const span = { name: 'block', shape: [length], offset: Math.min(i * length, size - length), size: length }
    return { parameters: [span], slots: Object.fromEntries(slots.map((slot) => [slot, [slotSpan(slot, span)]])) }
  })
}

const slotSpan = (slot: string, span: Span): Span => ({ ...span, name: `${slot}/${span.name}` })

function slotLayouts(spans: readonly Span[], optimizer: Optimizer): Record<string, Layout> {
  const shapes: Record<string, [string, Shape][]> = {}
  for (const { name, shape } of spans)
    for (const [slot, of] of Object.entries(optimizer.slots(shape))) (shapes[slot] ??= []).push([`${slot}/${name}`, of])
  return mapValues(shapes, (of) => new Layout(of))
}

/** The update of the tensors of one part, outputs under the names of the inputs with `new ` before them. */
function updateGraph(spans: readonly Span[], { optimizer, emaDecay }: LearnerOptions): Record<string, Tensor> {
  const scalars = { learningRate: input('learningRate', []), step: input('step', []) }
  const scale = input('scale', [])
  const outputs: Record<string, Tensor> = {}
  for (const { name, shape } of spans) {
    const slots = mapValues(optimizer.slots(shape), (of, slot) => input(`s/${slot}/${name}`, of))
    const gradient = mul(input(`g/${name}`, shape), scale)
    const update = optimizer.update(input(`p/${name}`, shape), gradient, slots, scalars)
    outputs[`new p/${name}`] = update.parameter
    outputs[`new e/${name}`] = ema(input(`e/${name}`, shape), update.parameter, emaDecay)
    for (const [slot, tensor] of Object.entries(update.slots)) outputs[`new s/${slot}/${name}`] = tensor
  }
  return outputs
}
