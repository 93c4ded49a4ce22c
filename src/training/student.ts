import { UserError } from '../errors.js'
import { type UNetConfig } from '../models/unet/index.js'
import { ParameterSet, type Weights } from '../nn/weights.js'
import { loraWeights, missingTargets, type LoraOptions } from './lora.js'
import { recordUNet, traceUNet } from './tasks/unet.js'

/** The networks of a distillation as graphs know them. */
export interface StudentGraph {
  readonly config: UNetConfig
  /** The student: all of its weights, or a LoRA on the teacher's. */
  readonly weights: Weights
  /** What is trained: the student's parameters, or those of the LoRA. */
  readonly trained: ParameterSet
  /** The teacher's parameters, all recorded. */
  readonly teacher: ParameterSet
}

/**
 * Records student and teacher of a UNet's config.json.
 *
 * @throws UserError when a target of the LoRA is no module of it.
 */
export function studentGraph(json: object, file: string, lora: LoraOptions | undefined): StudentGraph {
  const { config, set: teacher } = traceUNet(new ParameterSet('teacher/'), json, file)
  const trained = new ParameterSet('student/')
  const weights = lora ? loraWeights(teacher, trained, lora) : trained
  recordUNet(weights, config)
  const [missing] = lora ? missingTargets(trained, lora.targets) : []
  if (missing !== undefined)
    throw new UserError(`recipe field lora.targets: ${file} has no module ${missing}; name one that it has`)
  return { config, weights, trained, teacher }
}
