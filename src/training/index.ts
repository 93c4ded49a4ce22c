/**
 * Training: recipes, objectives, optimisers, LoRA.
 *
 * @module sfv/training
 */

export { type Evaluation, type Goal, GradientProgram, type LossGraph } from './gradient-program.js'
export { initialValues } from './initial-values.js'
export { Learner, type LearnerOptions } from './learner.js'
export { type LoraOptions, loraTensors, loraWeights } from './lora.js'
export { mergeLora } from './merge-lora.node.js'
export {
  type AdversarialLosses,
  adversarialLosses,
  type AdversarialNetworks,
  type AdversarialOptions,
} from './objectives/adversarial.js'
export { autoencoderLoss } from './objectives/autoencoder.js'
export { consistencyFunction, consistencyLoss, type ConsistencyNetworks } from './objectives/consistency.js'
export { contrastiveLoss } from './objectives/contrastive.js'
export { type LatentBatch } from './objectives/denoiser.js'
export { denoisingLoss } from './objectives/denoising.js'
export {
  type DiscriminatorNetworks,
  gradientPenalty,
  hingeFake,
  hingeReal,
  judge,
  type Judgement,
  type PenaltyPlace,
} from './objectives/discriminator.js'
export { laddLosses } from './objectives/ladd.js'
export { pseudoHuber } from './objectives/pseudo-huber.js'
export { ufogenLosses } from './objectives/ufogen.js'
export { adamW, type AdamWOptions, ema, type Optimizer, sm3, type SM3Options } from './optimizers.js'
export { Layout, type Span } from './parameters.js'
export { parseRecipe, type Recipe, recipeJsonSchema } from './recipe/index.js'
export { readRecipe } from './recipe/read.node.js'
export { type TrainEvent } from './run/events.js'
export { train, type TrainOptions } from './run/train.node.js'
