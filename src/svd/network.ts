import { UserError } from '../errors.js'
import { lower } from '../graph/lower.js'
import { activationBytes } from '../graph/memory.js'
import type { Shape, Tensor } from '../graph/tensor.js'
import { loraWeights } from '../nn/lora.js'
import { ParameterSet, type Weights } from '../nn/weights.js'
import type { Engine, Program, StoredBytes } from '../runtime/program.js'
import { deviceTraits, type Precision } from './device-traits.js'
import { finiteProgram } from './finite.js'
import type { ComponentWeights, SourceTensor } from './model-source.js'

/** Writes a network as a graph: outputs by name, its inputs and parameters as leaves. */
export type Trace = (weights: Weights) => Readonly<Record<string, Tensor>>

/** A buffer that transformers 4.30 and older saved among the image encoder's weights. */
const LEFT_OVER = /(^|\.)position_ids$/

/** A network for inputs of fixed shapes, opened as a program when it is asked for. */
export class Network {
  #checked: Promise<{ outputs: Readonly<Record<string, Tensor>>; weights: ComponentWeights }> | undefined
  #program: Promise<Program> | undefined

  /**
   * @param className what messages call the network
   * @param weightsOf opens its weights
   * @param lean whether it is to need the least memory, see `LoweredGraph.lean`
   * @param precision what it is computed in
   */
  constructor(
    private readonly engine: Engine,
    private readonly className: string,
    private readonly weightsOf: () => Promise<ComponentWeights>,
    private readonly trace: Trace,
    private readonly lean: boolean,
    private readonly precision: Precision = 'float32',
  ) {}

  /**
   * Compares the checkpoint with the configuration, by the names and shapes of its tensors.
   *
   * @throws UserError naming the first that differ.
   */
  async check(): Promise<void> {
    await (this.#checked ??= this.#traceAndCheck())
  }

  /** Names and shapes of its weights, by its configuration alone. */
  get shapes(): Map<string, Shape> {
    const parameters = new ParameterSet()
    this.trace(parameters)
    return parameters.shapes
  }

  /** Bytes that its activations take when it is lean, estimated from its configuration alone. */
  get activationBytes(): number {
    return activationBytes(Object.values(this.trace(new ParameterSet())))
  }

  /** The network as a program; the same one until `close`. Checks first. */
  open(): Promise<Program> {
    return (this.#program ??= this.#load())
  }

  /** Frees the program's memory. */
  async close(): Promise<void> {
    const program = this.#program
    this.#program = undefined
    await (await program?.catch(() => undefined))?.dispose()
  }

  async #traceAndCheck() {
    const weights = await this.weightsOf()
    const parameters = new ParameterSet()
    const { lora } = weights
    const outputs = this.trace(lora ? loraWeights(parameters, parameters, lora) : parameters)
    weights.checkAgainst(parameters.shapes, this.className, { ignore: LEFT_OVER })
    return { outputs, weights }
  }

  async #load(): Promise<Program> {
    const { outputs, weights } = await (this.#checked ??= this.#traceAndCheck())
    const bind = (name: string) => storedBytes(weights, name, weights.tensors.get(name)!)
    const { half, fusedAttention } = await deviceTraits(this.engine)
    const inHalf = this.precision === 'float16' || (this.precision === 'auto' && half)
    const program = await this.engine.load(lower(outputs, { bind, lean: this.lean, half: inHalf, fusedAttention }))
    return finiteProgram(program, weights, this.className, inHalf)
  }
}

function storedBytes({ path }: ComponentWeights, name: string, { dtype, ...place }: SourceTensor): StoredBytes {
  if (dtype === 'I64' || dtype === 'U8')
    throw new UserError(`${path}: tensor ${name} is ${dtype}; weights must be F32, F16 or BF16`)
  return { ...place, dtype }
}
