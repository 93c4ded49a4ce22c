import { UserError } from '../errors.js'
import type { LoraOptions } from '../nn/lora.js'
import type { Shape, StoredBytes } from '../runtime/program.js'
import type { ModelDefaults } from '../weights/pipeline-index.js'

/** A tensor of a checkpoint: where its bytes lie, and what they are. `I64` and `U8` occur, but never as weights. */
export interface SourceTensor extends Omit<StoredBytes, 'dtype'> {
  readonly dtype: StoredBytes['dtype'] | 'I64' | 'U8'
  readonly shape: Shape
}

/** The weights of one component. */
export interface ComponentWeights {
  /** What was opened, for messages. */
  readonly path: string
  readonly tensors: ReadonlyMap<string, SourceTensor>
  /** The values of a tensor, where they can be read. */
  read?(name: string): Promise<Float32Array | undefined>
  /** Which weights the tensors hold low-rank updates of, where they are a LoRA on others. */
  readonly lora?: LoraOptions
  /**
   * Throws a UserError that names the first tensors that are missing, unexpected or of another shape. Tensors whose
   * names match `ignore` may be there without being expected.
   */
  checkAgainst(expected: ReadonlyMap<string, Shape>, what: string, options?: { readonly ignore?: RegExp }): void
}

/** A model in the layout of diffusers, wherever its files lie: a folder, a cache of the browser, a server. */
export interface ModelSource {
  /** The folder or address, for messages. */
  readonly path: string
  /** The components of model_index.json by name: their class and the JSON of their configuration file. */
  readonly components: ReadonlyMap<string, { readonly className: string; readonly config: unknown }>
  /** What it is best asked for where nothing is told; SVD's own where it does not say. */
  readonly defaults?: ModelDefaults
  /** Opens the weights of a component; throws a UserError when there are none or their headers are malformed. */
  weights(component: string): Promise<ComponentWeights>
}

/**
 * The JSON of a component's configuration, and the name of its file for messages.
 *
 * @throws UserError when the model has no such component.
 */
export function configOf({ path, components }: ModelSource, name: string, fileName = 'config.json'): [unknown, string] {
  const component = components.get(name)
  if (!component) throw new UserError(`${path} has no component ${name}; list it in model_index.json`)
  return [component.config, `${path}/${name}/${fileName}`]
}
