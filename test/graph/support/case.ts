import { type Tensor } from '../../../src/graph/tensor.js'
import { type Nd } from './nd.js'

/** One use of an op: what it is applied to, and what must come out. */
export interface OpCase {
  /** Name of the op; the graph that `build` makes contains it. */
  readonly op: string
  /** What is special about this use. */
  readonly title: string
  readonly inputs: readonly Nd[]
  /** A float32 result of the inputs. */
  readonly build: (...inputs: Tensor[]) => Tensor
  /** The same result by plain arithmetic. */
  readonly expected: (...inputs: Nd[]) => Nd
  /** `zero` where the result passes no gradient; else it is checked against central differences. */
  readonly gradient?: 'zero'
  /** Step of the central differences. */
  readonly step?: number
}
