import { expect, it } from 'vitest'
import { ImageToVideo } from '../../src/pipeline/image-to-video.js'
import { nodeEngine } from '../../src/runtime/engine.node.js'
import { picture, tinySource } from './tiny.js'

/**
 * Every 2999th byte of six frames by the pipeline of diffusers 0.29.2 on PyTorch 2.15, with AnimateLCM's scheduler,
 * which draws from the pipeline's own generator: steps, seed, rho, bytes.
 */
const REFERENCE: readonly [steps: number, seed: number, rho: number, bytes: readonly number[]][] = [
  [
    1,
    3,
    7,
    [102, 100, 145, 35, 98, 136, 127, 19, 105, 63, 86, 103, 36, 102, 161, 40, 1, 106, 77, 40, 121, 98, 135, 95, 70],
  ],
  [
    2,
    3,
    7,
    [93, 126, 94, 121, 89, 158, 126, 50, 124, 92, 100, 123, 98, 78, 157, 0, 69, 91, 78, 34, 87, 92, 95, 134, 93],
  ],
  [
    4,
    3,
    7,
    [89, 67, 88, 61, 129, 175, 102, 19, 126, 69, 63, 115, 70, 3, 119, 85, 52, 97, 4, 86, 153, 126, 169, 102, 67],
  ],
  [
    7,
    5,
    7,
    [92, 79, 170, 89, 118, 109, 54, 0, 97, 103, 73, 79, 72, 86, 149, 29, 63, 132, 62, 31, 85, 75, 128, 106, 125],
  ],
  [
    4,
    3,
    5,
    [94, 49, 78, 72, 85, 153, 83, 55, 130, 57, 66, 124, 83, 13, 103, 120, 65, 101, 8, 138, 169, 128, 137, 91, 67],
  ],
]

it.each(REFERENCE)(
  "makes the reference's frames of its seed: %i steps, seed %i, rho %d",
  async (steps, seed, rho, bytes) => {
    const source = await tinySource()
    const config = {
      _class_name: 'AnimateLCMSVDStochasticIterativeScheduler',
      num_train_timesteps: 40,
      sigma_min: 0.002,
      sigma_max: 700,
      sigma_data: 1,
      s_noise: 1,
      rho,
      clip_denoised: false,
    }
    const components = new Map(source.components).set('scheduler', { className: config._class_name, config })
    const sfv = new ImageToVideo({ ...source, components }, nodeEngine({ threads: 1 }))
    const { frames } = await sfv.animate(picture, {
      ...{ steps, seed, generator: 'torch', guide: 'always', maxGuidance: 1.5 },
      ...{ frames: 6, width: 64, height: 64, decodeChunk: 6 },
    })
    await sfv.dispose()
    const differences = bytes.map((byte, i) => Math.abs(byte - frames.data[2999 * i]!))
    expect(Math.max(...differences)).toBeLessThanOrEqual(1)
  },
)
