import { readFile } from 'node:fs/promises'
import { input } from '../src/graph/ops/index.js'
import type { Tensor } from '../src/graph/tensor.js'
import { parseUNetConfig, unet, type UNetConfig } from '../src/models/unet/index.js'
import { ParameterSet } from '../src/nn/weights.js'

/** The model whose networks are measured: the first bundled one, whose numbers go back furthest, or that of $SFV_BENCH_MODEL. */
export const MODEL = process.env['SFV_BENCH_MODEL'] ?? 'models/fluent-1'

/** Frames and latent size of a clip. */
export const CLIP = { videos: 1, frames: 14, height: 16, width: 16 }

/** The UNet of the model on one clip: `sample`, `timestep`, `context`, `ids` to `y`. */
export async function benchUNet(prefix = ''): Promise<{ config: UNetConfig; set: ParameterSet; y: Tensor }> {
  const file = `${MODEL}/unet/config.json`
  const config = parseUNetConfig(JSON.parse(await readFile(file, 'utf8')), file)
  const set = new ParameterSet(prefix)
  const y = unet(set, config, {
    sample: input('sample', [CLIP.videos, CLIP.frames, config.inChannels, CLIP.height, CLIP.width]),
    timestep: input('timestep', [CLIP.videos]),
    context: input('context', [CLIP.videos, 1, config.down[0]!.contextWidth]),
    addedTimeIds: input('ids', [CLIP.videos, 3]),
  })
  return { config, set, y }
}
