import { add, input, mean, mul, slice, square, sub } from '../../graph/ops/index.js'
import { videoFeatures, type VideoFeaturesConfig } from '../../models/features/index.js'
import { type Weights } from '../../nn/weights.js'
import { type LossGraph } from '../gradient-program.js'
import { informationNoiseContrast } from './contrastive.js'

/**
 * The feature network's objective, in two parts: two windows of one clip, each with flaws of its own, agree and those
 * of different clips do not (symmetric InfoNCE of the projections); and the strength of every flaw is estimated (mean
 * square, times `flawWeight`). Both look at the features through a linear layer: what a clip shows and what is wrong
 * with it are directions in feature space.
 *
 * Inputs: `clips` (2 pairs, frames, 3, side, side) in [-1, 1], first all first windows, then all second ones;
 * `strengths` (2 pairs, flaws).
 */
export function videoFeaturesLoss(
  w: Weights,
  config: VideoFeaturesConfig,
  { pairs, temperature, flawWeight }: { pairs: number; temperature: number; flawWeight: number },
): LossGraph {
  const { frames, imageSize: side } = config
  const clips = input('clips', [2 * pairs, frames, 3, side, side])
  const { features, projection, flaws } = videoFeatures(w, config, clips)
  const contrast = informationNoiseContrast(
    slice(projection, 0, 0, pairs),
    slice(projection, 0, pairs, 2 * pairs),
    temperature,
  )
  const flawError = mean(square(sub(flaws, input('strengths', [2 * pairs, config.flaws.length]))))
  return {
    loss: add(contrast, mul(flawError, flawWeight)),
    metrics: { contrast, flawError, featureSquare: mean(square(features)) },
  }
}
