import { parameter } from '../graph/ops/leaves.js'
import { sameShape, type Shape, type Tensor } from '../graph/tensor.js'

/** Where a model finds its parameters: `at` descends into a module, `get` names a parameter of it. */
export interface Weights {
  /** The weights of a submodule or list entry. */
  at(name: string | number): Weights
  /** The parameter `name` of this module; its shape follows from the configuration. */
  get(name: string, shape: Shape): Tensor
}

/**
 * Weights that record. Running a model with it yields the model's graph and, in `parameters`, every name and shape,
 * without a single value: the manifest, the list of what to train, the check of a foreign checkpoint.
 */
export class ParameterSet implements Weights {
  /** Parameters by full name, in the order of their first use. */
  readonly parameters = new Map<string, Tensor>()

  /**
   * `prefix` is put before the names of the graph's parameters (not of the map), to tell networks in one graph apart.
   */
  constructor(readonly prefix = '') {}

  at(name: string | number): Weights {
    return new SubModule(this, `${name}`)
  }

  get(name: string, shape: Shape): Tensor {
    const known = this.parameters.get(name)
    if (known === undefined) {
      const made = parameter(this.prefix + name, shape)
      this.parameters.set(name, made)
      return made
    }
    if (!sameShape(known.shape, shape))
      throw new Error(`parameter ${name} is used as [${known.shape.join(',')}] and as [${shape.join(',')}]`)
    return known
  }

  /** The parameters of one module, under their full names: the same tensors. */
  under(module: string): ParameterSet {
    const part = new ParameterSet(this.prefix)
    for (const [name, tensor] of this.parameters) if (name.startsWith(`${module}.`)) part.parameters.set(name, tensor)
    return part
  }

  /** Names and shapes, as a checkpoint must have them. */
  get shapes(): Map<string, Shape> {
    return new Map([...this.parameters].map(([name, tensor]) => [name, tensor.shape]))
  }

  /** Number of values in all parameters. */
  get count(): number {
    return [...this.parameters.values()].reduce((total, tensor) => total + tensor.size, 0)
  }
}

class SubModule implements Weights {
  constructor(
    private readonly root: ParameterSet,
    private readonly path: string,
  ) {}

  at(name: string | number): Weights {
    return new SubModule(this.root, `${this.path}.${name}`)
  }

  get(name: string, shape: Shape): Tensor {
    return this.root.get(`${this.path}.${name}`, shape)
  }
}
