import { input } from '../../graph/ops/index.js'
import { parseWarpAutoencoderConfig } from '../../models/autoencoder-warp/index.js'
import { clipVision, parseClipVisionConfig } from '../../models/clip/index.js'
import { parseVideoFeaturesConfig } from '../../models/features/index.js'
import { parseVaeConfig, vaeDecoder, vaeEncoder } from '../../models/vae/index.js'
import { ParameterSet } from '../../nn/weights.js'
import { type Goal } from '../gradient-program.js'
import { autoencoderLoss } from '../objectives/autoencoder.js'
import { consistencyLoss } from '../objectives/consistency.js'
import { contrastiveLoss } from '../objectives/contrastive.js'
import { type LatentBatch } from '../objectives/denoiser.js'
import { denoisingLoss } from '../objectives/denoising.js'
import { lossesOf } from '../objectives/of-recipe.js'
import { videoFeaturesLoss } from '../objectives/video-features.js'
import { warpAutoencoderLoss } from '../objectives/warp-autoencoder.js'
import { loraWeights } from '../lora.js'
import { optimizerOf, type DistillationRecipe, type Recipe } from '../recipe/index.js'
import { studentGraph } from '../student.js'
import { type Optimizer } from '../optimizers.js'
import { traceUNet } from '../tasks/unet.js'

/** A network that a recipe trains. */
export interface TrainedNetwork {
  readonly name: string
  readonly set: ParameterSet
  readonly optimizer: Optimizer
}

/** A training step as a graph without a single value, and the networks in it. */
export interface StepGraph {
  readonly goals: readonly Goal[]
  readonly trained: readonly TrainedNetwork[]
  /** Networks in it that stay as they are. */
  readonly frozen: readonly ParameterSet[]
}

/** What the graph depends on beside the recipe. */
export interface Surroundings {
  /** config.json of the network, and how messages speak of it. */
  readonly json: object
  readonly file: string
  /** Size of the clips in latents; of no account for the VAE and the image encoder. */
  readonly height: number
  readonly width: number
}

/** The graph of a recipe's step. Nothing is allocated, whatever the size of the network. */
export function stepGraph(recipe: Recipe, { json, file, height, width }: Surroundings): StepGraph {
  const network = (name: string, set: ParameterSet, goal: Omit<Goal, 'trained'>): StepGraph => ({
    goals: [{ ...goal, trained: set }],
    trained: [{ name, set, optimizer: optimizerOf(recipe.optimizer) }],
    frozen: [],
  })
  const latentBatch = ({ batch, frames, rematerialise }: DistillationRecipe): LatentBatch => ({
    videos: batch,
    frames,
    height,
    width,
    rematerialise,
  })
  switch (recipe.objective) {
    case 'vae': {
      const set = new ParameterSet()
      const config = parseVaeConfig(json, file)
      vaeDecoder(
        set,
        config,
        vaeEncoder(set, config, input('shape', [1, config.inChannels, recipe.crop, recipe.crop])).mean,
        1,
      )
      const batch = { clips: recipe.batch, frames: recipe.frames, size: recipe.crop }
      const graph = autoencoderLoss(set, config, batch, recipe)
      if (recipe.part === 'whole') return network('vae', set, graph)
      return {
        ...network('decoder', set.under('decoder'), graph),
        frozen: [set.under('encoder'), set.under('quant_conv')],
      }
    }
    case 'warp-autoencoder': {
      const set = new ParameterSet()
      const config = parseWarpAutoencoderConfig(json, file)
      const side = { width: width * config.factor, height: height * config.factor }
      const batch = { clips: recipe.batch, frames: recipe.frames, ...side }
      const graph = warpAutoencoderLoss(set, config, batch, recipe)
      if (recipe.part === 'whole') return network('vae', set, graph)
      return { ...network('decoder', set.under('decoder'), graph), frozen: [set.under('encoder')] }
    }
    case 'image-encoder': {
      const set = new ParameterSet()
      const config = parseClipVisionConfig(json, file)
      clipVision(set, config, input('shape', [1, config.channels, config.imageSize, config.imageSize]))
      return network('image encoder', set, contrastiveLoss(set, config, recipe.batch, recipe.temperature))
    }
    case 'video-features': {
      const set = new ParameterSet()
      const config = parseVideoFeaturesConfig(json, file)
      return network('features', set, videoFeaturesLoss(set, config, { ...recipe, pairs: recipe.batch }))
    }
    case 'teacher': {
      const { config, set } = traceUNet(new ParameterSet(), json, file)
      const batch = { videos: recipe.batch, frames: recipe.frames, height, width }
      return network('UNet', set, denoisingLoss(set, config, batch))
    }
    case 'sfv':
    case 'ufogen':
    case 'ladd': {
      const { config, weights, trained, teacher } = studentGraph(json, file, recipe.lora)
      const heads = new ParameterSet('heads/')
      const headsConfig = { heads: recipe.heads, width: recipe.headWidth, projection: recipe.headProjection }
      // Without a LoRA on it, the graph has of the teacher what the backbone is made of.
      const backbone = recipe.lora ? teacher : new ParameterSet(teacher.prefix)
      const networks = { config, generator: weights, backbone, heads, headsConfig }
      const losses = lossesOf(recipe, networks, latentBatch(recipe))
      return {
        goals: [
          { ...losses.generator, trained },
          { ...losses.heads, trained: heads },
        ],
        trained: [
          { name: 'generator', set: trained, optimizer: optimizerOf(recipe.optimizer) },
          { name: 'heads', set: heads, optimizer: optimizerOf(recipe.headsOptimizer) },
        ],
        frozen: [backbone],
      }
    }
    case 'consistency': {
      const { config, weights, trained, teacher } = studentGraph(json, file, recipe.lora)
      const average = new ParameterSet('average/')
      const networks = {
        config,
        student: weights,
        average: recipe.lora ? loraWeights(teacher, average, recipe.lora) : average,
        teacher,
      }
      const loss = consistencyLoss(networks, latentBatch(recipe), recipe.guidance)
      return { ...network('student', trained, loss), frozen: [teacher, average] }
    }
  }
}
