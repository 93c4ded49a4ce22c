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

/** Tensors that are updated together, by the names that their graph has for them: `0`, `1`, their slots `SLOT/0`. */
interface Part {
  readonly parameters: readonly Span[]
  readonly slots: Readonly<Record<string, readonly Span[]>>
}

/** What updates a part. */
interface Update {
  readonly part: Part
  readonly program: Program
  /** The part's state, by the names of inputs: windows on the vectors. */
  readonly state: Readonly<Record<string, Float32Array>>
  /** The same windows under `new NAME`, by the names of outputs: state is updated where it lies. */
  readonly results: Readonly<Record<string, Float32Array>>
}

/**
 * Elements that are updated at a time, a quarter of a megabyte a vector: what lies between two operations of the optimiser
 * stays in the processor's cache (docs/experiments.md).
 */
const BLOCK = 2 ** 16

/**
 * The parameters of one trained network with their average and the optimiser's state, one flat vector each, and the graphs
 * that update them in place, one part after another.
 */
export class Learner {
  step = 0

  private constructor(
    readonly set: ParameterSet,
    readonly layout: Layout,
    private readonly slotLayouts: Readonly<Record<string, Layout>>,
    private readonly state: State,
    private readonly updates: readonly Update[],
    private readonly maxGradientNorm: number | undefined,
    private readonly group: Group,
  ) {}

  /** Opens the update graphs. `initial` has the parameters' first values in the order of `new Layout(set.shapes)`. */
  static async open(
    engine: Engine,
    set: ParameterSet,
    initial: Float32Array,
    options: LearnerOptions,
  ): Promise<Learner> {
    const { optimizer, maxGradientNorm, group = alone } = options
    const layout = new Layout(set.shapes)
    const slots = slotLayouts(layout.spans, optimizer)
    const state: State = {
      parameters: initial.slice(),
      average: initial.slice(),
      slots: mapValues(slots, ({ size }) => new Float32Array(size)),
    }
    const parts = optimizer.elementwise ? blocks(layout.size, Object.keys(slots)) : groups(layout.spans, slots)
    const opened = new Map<string, Program>()
    const updates: Update[] = []
    for (const part of parts) {
      const shapes = JSON.stringify(part.parameters.map(({ shape }) => shape))
      const program = opened.get(shapes) ?? (await engine.load(lower(updateGraph(part.parameters, options))))
      opened.set(shapes, program)
      const own = stateOf(part, state)
      const results = Object.fromEntries(Object.entries(own).map(([name, values]) => [`new ${name}`, values]))
      updates.push({ part, program, state: own, results })
    }
    return new Learner(set, layout, slots, state, updates, maxGradientNorm, group)
  }

  /** The parameters. */
  get parameters(): Float32Array {
    return this.state.parameters
  }

  /** The exponential moving average of the parameters. */
  get average(): Float32Array {
    return this.state.average
  }

  /** Optimiser state, by slot, each a vector of its own layout. */
  get slots(): Readonly<Record<string, { layout: Layout; values: Float32Array }>> {
    return mapValues(this.slotLayouts, (layout, slot) => ({ layout, values: this.state.slots[slot]! }))
  }

  /** The parameters under the names that graphs know them by. */
  feeds(): Record<string, Float32Array> {
    return this.layout.views(this.parameters, this.set.prefix)
  }

  /**
   * Takes one optimiser step along the group's mean of `gradient` (same layout as the parameters), which is overwritten with
   * that mean; returns the mean's norm. All vectors are changed in place.
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
    for (const { part, program, state, results } of this.updates)
      await program.run({ ...state, ...windows(part.parameters, gradient, 'g/'), ...scalars }, results)
    this.step += 1
    return norm
  }

  /** Frees the update graphs. */
  async dispose(): Promise<void> {
    const programs = new Set(this.updates.map(({ program }) => program))
    await Promise.all([...programs].map((program) => program.dispose()))
  }
}

/** The windows of a part on the vectors, by the names of its graph's inputs. */
function stateOf({ parameters, slots }: Part, state: State): Record<string, Float32Array> {
  const ofSlots = Object.entries(slots).map(([slot, spans]) => windows(spans, state.slots[slot]!, 's/'))
  const own = { ...windows(parameters, state.parameters, 'p/'), ...windows(parameters, state.average, 'e/') }
  return Object.assign(own, ...ofSlots) as Record<string, Float32Array>
}

function mapValues<A, B>(record: Readonly<Record<string, A>>, of: (value: A, key: string) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, of(value, key)]))
}

/** Vectors without inner structure in blocks of one size; the last has what is left. */
function blocks(size: number, slots: readonly string[]): Part[] {
  return Array.from({ length: Math.ceil(size / BLOCK) }, (_, i) => {
    const length = Math.min(BLOCK, size - i * BLOCK)
    const span = { name: '0', shape: [length], offset: i * BLOCK, size: length }
    return { parameters: [span], slots: Object.fromEntries(slots.map((slot) => [slot, [slotSpan(slot, span)]])) }
  })
}

const slotSpan = (slot: string, span: Span): Span => ({ ...span, name: `${slot}/${span.name}` })

/** Whole tensors, neighbours together up to about a block's size. */
function groups(spans: readonly Span[], slots: Readonly<Record<string, Layout>>): Part[] {
  const ofSlots = mapValues(slots, (layout) => new Map(layout.spans.map((span) => [span.name, span])))
  const lists: Span[][] = []
  let room = 0
  for (const span of spans) {
    if (room <= 0) {
      lists.push([])
      room = BLOCK
    }
    lists.at(-1)!.push(span)
    room -= span.size
  }
  return lists.map((list) => ({
    parameters: list.map((span, i) => ({ ...span, name: `${i}` })),
    slots: mapValues(ofSlots, (known, slot) =>
      list.flatMap(({ name }, i) => {
        const span = known.get(`${slot}/${name}`)
        return span ? [{ ...span, name: `${slot}/${i}` }] : []
      }),
    ),
  }))
}

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
