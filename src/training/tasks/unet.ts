import { input } from '../../graph/ops/index.js'
import { parseUNetConfig, unet, type UNetConfig } from '../../models/unet/index.js'
import { type ParameterSet, type Weights } from '../../nn/weights.js'
import { denoise, conditionInputs, type LatentBatch } from '../objectives/denoiser.js'
import { type Tensor } from '../../graph/tensor.js'

/** Parses a UNet's configuration and records its parameters. */
export function traceUNet(set: ParameterSet, json: object, file: string): { config: UNetConfig; set: ParameterSet } {
  const config = parseUNetConfig(json, file)
  recordUNet(set, config)
  return { config, set }
}

/** Runs the model once, for the weights to know their parameters. */
export function recordUNet(w: Weights, config: UNetConfig): void {
  const side = 2 ** (config.down.length - 1)
  unet(w, config, {
    sample: input('sample', [1, 1, config.inChannels, side, side]),
    timestep: input('timestep', [1]),
    context: input('context', [1, 1, config.down[0]!.contextWidth]),
    addedTimeIds: input('addedTimeIds', [1, 3]),
  })
}

/** The denoiser D(x; sigma) as a graph of its own, for sampling: inputs `x`, `sigma` and the conditions. */
export function denoiserGraph(w: Weights, config: UNetConfig, batch: LatentBatch): Record<string, Tensor> {
  const x = input('x', [batch.videos, batch.frames, config.outChannels, batch.height, batch.width])
  return { denoised: denoise(w, config, x, input('sigma', [batch.videos]), conditionInputs(config, batch)) }
}
