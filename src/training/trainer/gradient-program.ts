import { gradients, topologicalOrder } from '../../graph/gradients.js'
import { lower } from '../../graph/lower.js'
import { type Tensor } from '../../graph/tensor.js'
import { type ParameterSet } from '../../nn/weights.js'
import { type Engine, type Program, type Values } from '../../runtime/program.js'
import { Layout } from './parameters.js'

/** An objective as a graph. */
export interface LossGraph {
  /** What is minimised, shape []. */
  readonly loss: Tensor
  /** What the log calls it; default: loss. */
  readonly lossName?: string
  /** Further numbers worth a look, shape [] each. */
  readonly metrics: Readonly<Record<string, Tensor>>
  /** Tensors that the caller wants besides: pictures for a sample sheet, fakes for the discriminator. */
  readonly outputs?: Readonly<Record<string, Tensor>>
}

/** What one evaluation gave. */
export interface Evaluation {
  /** The loss and the metrics, by name. */
  readonly metrics: Record<string, number>
  readonly outputs: Record<string, Float32Array>
}

/** A loss and the network by whose weights it is minimised. */
export interface Goal extends LossGraph {
  readonly trained: ParameterSet
}

/** Evaluates losses over one forward pass, each with its gradient by the parameters of one network, in one graph. */
export class GradientProgram {
  /** The gradients of the last evaluation, one for each goal, laid out like that network's parameters. */
  readonly gradients: readonly Float32Array[]
  private readonly into: Record<string, Float32Array>

  private constructor(
    private readonly program: Program,
    goals: readonly Goal[],
  ) {
    const layouts = goals.map(({ trained }) => new Layout(trained.shapes))
    this.gradients = layouts.map(({ size }) => new Float32Array(size))
    this.into = Object.assign({}, ...layouts.map((layout, i) => layout.views(this.gradients[i]!, `d${i}/`))) as Record<
      string,
      Float32Array
    >
  }

  /**
   * Differentiates and opens the graph; parameters of other networks in it are fed like inputs. What no gradient is
   * carried through, as a frozen network before all that is trained, runs in inference form. Where blocks are
   * rematerialised, the program is opened to hold as little memory as it can.
   */
  static async open(engine: Engine, ...goals: readonly Goal[]): Promise<GradientProgram> {
    const outputs: Record<string, Tensor> = {}
    goals.forEach(({ trained, loss, lossName = 'loss', metrics, outputs: wanted = {} }, i) => {
      const derivatives = gradients(loss, [...trained.parameters.values()])
      outputs[`m/${lossName}`] = loss
      for (const [name, tensor] of Object.entries(metrics)) outputs[`m/${name}`] = tensor
      for (const [name, tensor] of Object.entries(wanted)) outputs[`o/${name}`] = tensor
      ;[...trained.parameters.keys()].forEach((name, j) => (outputs[`d${i}/${name}`] = derivatives[j]!))
    })
    const graph = lower(outputs, { training: 'where differentiated' })
    // Who has values computed again is short of memory: buffers are then given back as soon as they are free, where
    // ONNX Runtime's arena would hold on to all that there ever were.
    const again = topologicalOrder(Object.values(outputs)).some(({ op }) => op.name === 'rematerialise')
    const program = await engine.load(again ? { ...graph, lean: true } : graph)
    return new GradientProgram(program, goals)
  }

  /** Evaluates at the fed parameters and inputs; feeds that the graph does not use are left aside. */
  async run(feeds: Readonly<Record<string, Values>>): Promise<Evaluation> {
    const results = Object.entries(await this.program.run(feeds, this.into))
    const named = (kind: string) =>
      results.flatMap(([name, values]) => (name.startsWith(kind) ? [[name.slice(kind.length), values] as const] : []))
    return {
      metrics: Object.fromEntries(named('m/').map(([name, values]) => [name, values[0]!])),
      outputs: Object.fromEntries(named('o/')),
    }
  }

  /**
   * Evaluates `count` batches one after another, as one large batch: afterwards `gradients` hold the means of theirs.
   * Returns the means of the metrics, and the outputs of the last batch.
   */
  async accumulate(
    count: number,
    feeds: (batch: number) => Promise<Readonly<Record<string, Values>>>,
  ): Promise<Evaluation> {
    let last = await this.run(await feeds(0))
    if (count === 1) return last
    const total = { ...last.metrics }
    const sums = this.gradients.map((gradient) => gradient.slice())
    for (let batch = 1; batch < count; batch++) {
      last = await this.run(await feeds(batch))
      for (const [name, value] of Object.entries(last.metrics)) total[name]! += value
      sums.forEach((sum, i) => addTo(sum, this.gradients[i]!))
    }
    sums.forEach((sum, i) => this.gradients[i]!.set(sum.map((value) => value / count)))
    return { ...last, metrics: Object.fromEntries(Object.entries(total).map(([name, sum]) => [name, sum / count])) }
  }

  /** Frees the graph. */
  dispose(): Promise<void> {
    return this.program.dispose()
  }

  /** As `dispose`: for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose()
  }
}

function addTo(sum: Float32Array, values: Float32Array): void {
  for (let i = 0; i < sum.length; i++) sum[i]! += values[i]!
}
