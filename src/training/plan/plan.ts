import { countFlops } from '../../graph/flops.js'
import { gradients } from '../../graph/gradients.js'
import { liveBytes } from '../../graph/memory.js'
import { sizeOf } from '../../graph/tensor.js'
import { optimizerOf } from '../objectives/fields.js'
import { type StepGraph, type TrainedNetwork } from '../objectives/objective.js'

/** What a training run takes, of one process. */
export interface Plan {
  /** Parameters of each network that is trained, by name. */
  readonly trained: Readonly<Record<string, number>>
  /** Parameters that take part and stay as they are. */
  readonly frozen: number
  readonly trainableShare: number
  /** Floating-point operations of an optimiser step, accumulated batches together, and of its forward passes alone. */
  readonly flopsPerStep: number
  readonly forwardFlopsPerStep: number
  readonly memory: MemoryPlan
}

/** Bytes by what they are for. */
export interface MemoryPlan {
  /** Weights as they are fed to the graph: trained and frozen. */
  readonly weights: number
  readonly gradients: number
  /** Intermediate values of forward and backward pass at their most. */
  readonly activations: number
  /** Averages and optimiser state: in the machine's memory. */
  readonly optimizer: number
  /** What ONNX Runtime holds for intermediate values beyond that: see `HELD`. */
  readonly overhead: number
  /** All but the overhead: training on the CPU cannot do with less. */
  readonly cpu: number
  /** What an accelerator holds at least: weights, gradients, activations. */
  readonly accelerator: number
  /** What the machine's memory holds beside an accelerator. */
  readonly host: number
}

const FLOAT = 4
/**
 * How many times the values that are alive at once ONNX Runtime's arena holds: measured on the CPU with a step of
 * models/fluent's UNet, 2.7 for each further clip (991 MB where the graph needs 368). Norms and weight gradients have
 * inner values that the graph does not show, and the arena grows in powers of two.
 */
const HELD = 2.7

/** Works out what training takes, from the graph of its step alone. */
export function planTraining({ trained, frozen }: StepGraph, accumulation: number): Plan {
  const losses = trained.map(({ loss }) => loss.loss)
  const derivatives = trained.flatMap(({ loss, set }) => gradients(loss.loss, [...set.parameters.values()]))
  const parameters = trained.reduce((sum, { set }) => sum + set.count, 0)
  const fed = [...frozen, ...trained.flatMap(({ average }) => average ?? [])]
  const still = fed.reduce((sum, set) => sum + set.count, 0)

  const weights = FLOAT * (parameters + still)
  // While batches are accumulated, their sum is kept beside the gradient of the last.
  const gradientBytes = FLOAT * parameters * (accumulation > 1 ? 2 : 1)
  const activations = liveBytes([...losses, ...derivatives])
  const optimizer = trained.reduce((sum, network) => sum + stateBytes(network), 0)
  return {
    trained: Object.fromEntries(trained.map(({ name, set }) => [name, set.count])),
    frozen: still,
    trainableShare: parameters / (parameters + still),
    flopsPerStep: accumulation * countFlops([...losses, ...derivatives]),
    forwardFlopsPerStep: accumulation * countFlops(losses),
    memory: {
      weights,
      gradients: gradientBytes,
      activations,
      optimizer,
      overhead: (HELD - 1) * activations,
      cpu: weights + gradientBytes + activations + optimizer,
      accelerator: weights + FLOAT * parameters + activations,
      host: weights + gradientBytes + optimizer,
    },
  }
}

/** Average and optimiser state of a network, which are updated in place. */
function stateBytes({ set, optimizer }: TrainedNetwork): number {
  let values = set.count
  for (const shape of set.shapes.values())
    for (const slot of Object.values(optimizerOf(optimizer).slots(shape))) values += sizeOf(slot)
  return FLOAT * values
}
