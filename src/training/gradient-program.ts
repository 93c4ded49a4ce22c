import { gradients } from '../graph/gradients.js'
import { lower } from '../graph/lower.js'
import { type Tensor } from '../graph/tensor.js'
import { type ParameterSet } from '../nn/weights.js'
import { type Engine, type Program, type Values } from '../runtime/program.js'
import { Layout } from './parameters.js'

/** An objective as a graph. */
export interface LossGraph {
  /** What is minimised, shape []. */
  readonly loss: Tensor
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

/** Evaluates a loss and its gradient by the parameters of one network, in one graph. */
export class GradientProgram {
  /** The gradient of the last evaluation, laid out like the parameters. */
  readonly gradient: Float32Array
  private readonly into: Record<string, Float32Array>

  private constructor(
    private readonly program: Program,
    private readonly metricNames: readonly string[],
    private readonly outputNames: readonly string[],
    layout: Layout,
  ) {
    this.gradient = new Float32Array(layout.size)
    this.into = layout.views(this.gradient, 'd/')
  }

  /** Differentiates and opens the graph; parameters of other networks in it are fed like inputs. */
  static async open(engine: Engine, graph: LossGraph, trained: ParameterSet): Promise<GradientProgram> {
    const layout = new Layout(trained.shapes)
    const derivatives = gradients(graph.loss, [...trained.parameters.values()])
    const outputs: Record<string, Tensor> = { 'm/loss': graph.loss }
    for (const [name, tensor] of Object.entries(graph.metrics)) outputs[`m/${name}`] = tensor
    for (const [name, tensor] of Object.entries(graph.outputs ?? {})) outputs[`o/${name}`] = tensor
    layout.spans.forEach(({ name }, i) => (outputs[`d/${name}`] = derivatives[i]!))
    const program = await engine.load(lower(outputs, { training: true }))
    return new GradientProgram(
      program,
      ['loss', ...Object.keys(graph.metrics)],
      Object.keys(graph.outputs ?? {}),
      layout,
    )
  }

  /** Evaluates at the fed parameters and inputs; feeds that the graph does not use are left aside. */
  async run(feeds: Readonly<Record<string, Values>>): Promise<Evaluation> {
    const results = await this.program.run(feeds, this.into)
    return {
      metrics: Object.fromEntries(this.metricNames.map((name) => [name, results[`m/${name}`]![0]!])),
      outputs: Object.fromEntries(this.outputNames.map((name) => [name, results[`o/${name}`]!])),
    }
  }

  /** Frees the graph. */
  dispose(): Promise<void> {
    return this.program.dispose()
  }
}
