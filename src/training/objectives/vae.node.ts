import { z } from 'zod'
import { ClipStore } from '../../data/store.node.js'
import { UserError } from '../../errors.js'
import { abs, add, input, mean, mul, square, sub } from '../../graph/ops/index.js'
import { type Frames } from '../../media/frames.js'
import { type Size } from '../../media/resize.js'
import { parseVaeConfig, posterior, vaeDecoder, vaeEncoder, type VaeConfig } from '../../models/vae/index.js'
import { ParameterSet, type Weights } from '../../nn/weights.js'
import { type Random } from '../../runtime/random.js'
import { normals } from '../batches/batch-random.js'
import { latentSize } from '../../svd/first-stage.js'
import { toFrames } from '../../svd/preprocess.js'
import { CHANNEL_ORDERS, toPlanar, writePlanar } from '../batches/pixels.js'
import { startNetwork } from '../output/components.node.js'
import { type LossGraph } from '../trainer/gradient-program.js'
import { type Learner } from '../trainer/learner.js'
import { common, count, folder, network, optimizer } from './fields.js'
import { edgeDifference, FirstStage, firstStageGraph, gaussianDivergence, withPsnr } from './first-stage.node.js'
import { type Objective, type Opening, type OpenObjective, type Sample } from './objective.js'
import { expectColours, networkOf } from './surroundings.node.js'

/** Share of stills in a batch, where the recipe has stills: things of all colours, which the clips have few of. */
const STILLS_SHARE = 0.5
const [SAMPLE_FRAMES, SAMPLES] = [6, 4]

/** Trains `AutoencoderKLTemporalDecoder` on crops of clips and stills. */
const recipe = z.strictObject({
  objective: z.literal('vae').describe('The video autoencoder: reconstruction, outlines, KL.'),
  ...common,
  stills: folder.optional().describe('Clip store of stills, half of each batch where given.'),
  network,
  part: z
    .enum(['whole', 'decoder'])
    .default('whole')
    .describe('What is trained. The decoder alone leaves all latents, and so a trained UNet, what they are.'),
  exchangeColours: z.boolean().default(true).describe('Whether red, green and blue change places at random.'),
  batch: count.default(4).describe('Crops in a batch; under MPI, in the batch of each rank.'),
  frames: count.default(4).describe('Consecutive frames of a crop.'),
  crop: count.default(64).describe('Side of the square crops, in pixels.'),
  klWeight: z.number().nonnegative().default(1e-6).describe('Weight of the divergence of the latents from a Gaussian.'),
  edgeWeight: z.number().nonnegative().default(0.5).describe('Weight of the difference between neighbouring pixels.'),
  optimizer,
})

type VaeRecipe = z.output<typeof recipe>

/** Weights of the autoencoder's loss terms. */
export interface AutoencoderLossOptions {
  /** Kullback-Leibler divergence of the latents from a unit Gaussian, mean per latent value. */
  readonly klWeight: number
  /** Difference of picture gradients (neighbouring pixels), which keeps outlines sharp. */
  readonly edgeWeight: number
}

/** Size of a training batch of the autoencoder: `clips` windows of `frames` square crops. */
export interface CropBatch {
  readonly clips: number
  readonly frames: number
  readonly size: number
}

/**
 * Reconstruction through `AutoencoderKLTemporalDecoder`: mean |x - x'| + edge term + KL. Inputs: `pictures` (clips
 * frames, 3, size, size) in [-1, 1]; `noise`, unit Gaussian in the latents' shape, which the posterior is sampled with.
 * Outputs the reconstruction as `pictures`.
 */
export function autoencoderLoss(
  w: Weights,
  config: VaeConfig,
  batch: CropBatch,
  options: AutoencoderLossOptions,
): LossGraph {
  const pictures = input('pictures', [batch.clips * batch.frames, config.inChannels, batch.size, batch.size])
  const moments = posterior(vaeEncoder(w, config, pictures))
  const latents = add(moments.mean, mul(moments.deviation, input('noise', moments.mean.shape)))
  const reconstruction = vaeDecoder(w, config, latents, batch.frames)
  const difference = sub(reconstruction, pictures)
  const reconstructionLoss = mean(abs(difference))
  const kl = gaussianDivergence(moments)
  const edges = edgeDifference(difference)
  return {
    loss: add(add(reconstructionLoss, mul(edges, options.edgeWeight)), mul(kl, options.klWeight)),
    metrics: {
      l1: reconstructionLoss,
      mse: mean(square(difference)),
      kl,
      edges,
      latentSquare: mean(square(moments.mean)),
    },
    outputs: { pictures: reconstruction },
  }
}

function trace(set: ParameterSet, json: object, file: string, crop: number): { config: VaeConfig; set: ParameterSet } {
  const config = parseVaeConfig(json, file)
  vaeDecoder(set, config, vaeEncoder(set, config, input('shape', [1, config.inChannels, crop, crop])).mean, 1)
  return { config, set }
}

function stepGraph(recipe: VaeRecipe, set: ParameterSet, config: VaeConfig) {
  const batch = { clips: recipe.batch, frames: recipe.frames, size: recipe.crop }
  return firstStageGraph(recipe, set, autoencoderLoss(set, config, batch, recipe))
}

/** Trains `AutoencoderKLTemporalDecoder` on crops of clips and of stills (as clips that stand still). */
export const vae: Objective<VaeRecipe> = {
  recipe,
  written: () => ['vae'],
  async surroundings({ network, crop }) {
    const given = await networkOf(network, 'vae')
    const { inChannels, outChannels, factor } = parseVaeConfig(given.json, given.file)
    expectColours(given.file, 'in_channels', inChannels)
    expectColours(given.file, 'out_channels', outChannels)
    if (crop % factor !== 0)
      throw new UserError(`recipe field crop is ${crop}; give a multiple of ${factor}, by which the VAE shrinks it`)
    return { ...given, height: 0, width: 0 }
  },
  graph(recipe, { json, file }) {
    const { config, set } = trace(new ParameterSet('vae/'), json, file, recipe.crop)
    return stepGraph(recipe, set, config)
  },
  open,
}

/** @throws UserError when the clips are smaller than the crops, or in a size that the network cannot halve. */
async function open(recipe: VaeRecipe, opening: Opening): Promise<OpenObjective> {
  const { scope } = opening
  const store = scope.own(await ClipStore.open(recipe.data, ['train'], Math.max(recipe.frames, SAMPLE_FRAMES)))
  const stills = recipe.stills === undefined ? undefined : scope.own(await ClipStore.open(recipe.stills))
  const set = new ParameterSet('vae/')
  const start = await startNetwork('vae', recipe.network, recipe.seed, (json, file) =>
    trace(set, json, file, recipe.crop),
  )
  const { config } = start
  const side = recipe.crop
  if (side > Math.min(store.width, store.height))
    throw new UserError(
      `recipe: crop is ${side}, but ${recipe.data} has clips of ${store.width}x${store.height}; lower it`,
    )
  const pictures = recipe.batch * recipe.frames
  const latentCount = recipe.frames * config.latentChannels * (side / config.factor) ** 2
  const stage = await FirstStage.open(recipe, set, start, wholePicture(set, config, store), opening)
  const drawn: string[] = []

  async function moving(random: Random): Promise<Frames> {
    const clip = random.integer(store.clips.length)
    const start = random.integer(store.length(clip) - recipe.frames + 1)
    drawn.push(`${store.clips[clip]!.name} from frame ${start}`)
    return store.clip(clip, start, recipe.frames)
  }

  /** A still as a clip in which nothing moves. */
  async function still(stills: ClipStore, random: Random): Promise<Frames> {
    const clip = random.integer(stills.clips.length)
    drawn.push(stills.clips[clip]!.name)
    const picture = await stills.clip(clip, 0, 1)
    const data = new Uint8Array(recipe.frames * picture.data.length)
    for (let f = 0; f < recipe.frames; f++) data.set(picture.data, f * picture.data.length)
    return { ...picture, count: recipe.frames, data }
  }

  const orders = recipe.exchangeColours ? CHANNEL_ORDERS.length : 1
  async function crops(batch: readonly Random[]): Promise<Float32Array> {
    const values = new Float32Array(pictures * 3 * side * side)
    for (const [i, random] of batch.entries()) {
      const frames = stills && random.uniform() < STILLS_SHARE ? await still(stills, random) : await moving(random)
      const crop = { x: random.integer(store.width - side + 1), y: random.integer(store.height - side + 1), size: side }
      const change = { mirror: random.uniform() < 0.5, channels: CHANNEL_ORDERS[random.integer(orders)]! }
      writePlanar(frames, crop, change, values, i * recipe.frames * 3 * side * side)
    }
    return values
  }

  const rebuilt = async (vae: Learner, clip: number) => {
    const reference = await store.clip(clip, 0, SAMPLE_FRAMES)
    const { latents, pictures } = await stage.rebuild(vae, { original: toPlanar(reference) })
    return { reference, latents: latents!, frames: toFrames(pictures!, store) }
  }

  return {
    graph: stepGraph(recipe, set, config),
    initial: { vae: stage.initial },
    frozen: stage.frozen,
    drawn,
    fps: store.fps,
    draw: async (random) => ({ pictures: await crops(random), noise: normals(random, latentCount) }),
    logged: (metrics) => withPsnr(metrics, 4),
    async sample({ vae }) {
      const samples: Sample[] = []
      for (let i = 0; i < SAMPLES; i++) {
        const clip = (i * 97) % store.clips.length
        const { reference, frames } = await rebuilt(vae!, clip)
        samples.push({ name: store.clips[clip]!.name, reference, frames })
      }
      return samples
    },
    export: ({ vae }) => stage.export(vae!, store.clips.length, async (clip) => (await rebuilt(vae!, clip)).latents),
  }
}

/** Encodes and decodes whole frames with the posterior's mean. */
function wholePicture(set: ParameterSet, config: VaeConfig, { width, height }: Size) {
  const { factor, inChannels } = config
  latentSize({ width, height }, factor)
  const original = input('original', [SAMPLE_FRAMES, inChannels, height, width])
  const latents = vaeEncoder(set, config, original).mean
  return { latents, pictures: vaeDecoder(set, config, latents, SAMPLE_FRAMES) }
}
