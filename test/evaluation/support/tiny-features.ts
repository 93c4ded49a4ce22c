import { input } from '../../../src/graph/ops/index.js'
import { parseVideoFeaturesConfig, videoFeatures } from '../../../src/models/features/index.js'
import { ParameterSet } from '../../../src/nn/weights.js'
import { saveComponent } from '../../../src/training/output/components.node.js'
import { initialValues } from '../../../src/training/trainer/initial-values.js'
import { Layout } from '../../../src/training/trainer/parameters.js'

/** Writes a feature network with random weights, of clips of `frames` pictures, as `features` into a folder. */
export async function saveTinyFeatures(folder: string, frames: number): Promise<void> {
  const config = {
    ...{ _class_name: 'VideoFeatures', frames, image_size: 16, block_out_channels: [8, 8], block_strides: [1, 2] },
    ...{ feature_dim: 4, projection_dim: 2, flaws: ['noise'] },
  }
  const set = new ParameterSet()
  videoFeatures(set, parseVideoFeaturesConfig(config, 'config.json'), input('clips', [1, frames, 3, 16, 16]))
  const layout = new Layout(set.shapes)
  await saveComponent(folder, 'features', config, layout, initialValues(set, layout, 1))
}
