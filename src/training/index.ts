/**
 * Training: recipes, objectives, optimisers, LoRA.
 *
 * @module sfv/training
 */

export { type Evaluation, type Goal, GradientProgram, type LossGraph } from './trainer/gradient-program.js'
export { initialValues } from './trainer/initial-values.js'
export { Learner, type LearnerOptions } from './trainer/learner.js'
export { type LoraOptions, loraWeights } from '../nn/lora.js'
export { loraTensors } from './lora/lora.js'
export { mergeLora } from './lora/merge-lora.node.js'
export { type AdversarialLosses, type AdversarialNetworks } from './objectives/adversarial.js'
export { consistencyFunction, consistencyLoss, type ConsistencyNetworks } from './objectives/consistency.js'
export { type LatentBatch, pseudoHuber } from './objectives/denoiser.js'
export {
  type DiscriminatorNetworks,
  gradientPenalty,
  hingeFake,
  hingeReal,
  judge,
  type Judgement,
  type PenaltyPlace,
} from './objectives/discriminator.js'
export { contrastiveLoss } from './objectives/image-encoder.node.js'
export { laddLosses } from './objectives/ladd.js'
export { type Recipe } from './objectives/registry.node.js'
export { adversarialLosses, type AdversarialOptions } from './objectives/sfv.js'
export { denoisingLoss } from './objectives/teacher.node.js'
export { ufogenLosses } from './objectives/ufogen.js'
export { autoencoderLoss } from './objectives/vae.node.js'
export { adamW, type AdamWOptions, ema, type Optimizer, sm3, type SM3Options } from './trainer/optimizers.js'
export { Layout, type Span } from './trainer/parameters.js'
export { parseRecipe, recipeJsonSchema } from './recipe/parse.node.js'
export { readRecipe } from './recipe/read.node.js'
export { type TrainEvent } from './trainer/events.js'
export { train, type TrainOptions } from './trainer/train.node.js'
