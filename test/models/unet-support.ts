import { gradients } from '../../src/graph/gradients.js'
import { mean, mul } from '../../src/graph/ops/index.js'
import { type Tensor } from '../../src/graph/tensor.js'
import { parseUNetConfig, unet, type UNetConfig, type UNetInputs } from '../../src/models/unet/index.js'
import { ParameterSet } from '../../src/nn/weights.js'
import { readFixture, readJson } from '../support/fixture.js'
import { inputsOf, type Tensors } from './support.js'

/** A UNet on the inputs of a fixture's case. */
export interface UNetCase {
  readonly config: UNetConfig
  readonly parameters: ParameterSet
  readonly inputs: UNetInputs
  readonly sample: Tensor
  /** mean(sample cotangent), the loss that the fixture's gradients are of. */
  readonly loss: Tensor
  readonly tensors: Tensors
}

/** Records the UNet of `folder/config.json` on the inputs of `folder/NAME.safetensors`. */
export function unetCase(folder: string, name: string): UNetCase {
  const config = parseUNetConfig(readJson(`${folder}/config.json`), `${folder}/config.json`)
  const tensors = readFixture(`${folder}/${name}.safetensors.gz`)
  const leaves = inputsOf(tensors)
  const inputs: UNetInputs = {
    sample: leaves.sample!,
    timestep: leaves.timestep!,
    context: leaves.encoder_hidden_states!,
    addedTimeIds: leaves.added_time_ids!,
  }
  const parameters = new ParameterSet()
  const sample = unet(parameters, config, inputs)
  return { config, parameters, inputs, sample, loss: mean(mul(sample, leaves.cotangent!)), tensors }
}

/** Output, loss and the loss's gradients by two inputs (`grad.NAME`) and every parameter (`grad.PARAMETER`). */
export function trainingOutputs({ parameters, inputs, sample, loss }: UNetCase): Record<string, Tensor> {
  const variables: [string, Tensor][] = [
    ['sample', inputs.sample],
    ['encoder_hidden_states', inputs.context],
    ...parameters.parameters,
  ]
  const tensors = gradients(
    loss,
    variables.map(([, tensor]) => tensor),
  )
  return { out: sample, loss, ...Object.fromEntries(variables.map(([name], i) => [`grad.${name}`, tensors[i]!])) }
}

/** The gradients of the parameters among a run's results. */
export function parameterGradients(
  { parameters }: UNetCase,
  results: Record<string, Float32Array>,
): Map<string, Float32Array> {
  return new Map([...parameters.parameters.keys()].map((name) => [name, results[`grad.${name}`]!]))
}
