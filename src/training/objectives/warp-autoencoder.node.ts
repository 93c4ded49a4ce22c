import { z } from 'zod'
import { ClipStore } from '../../data/store.node.js'
import { abs, add, input, mean, mul, square, sub } from '../../graph/ops/index.js'
import { type RgbaFrames } from '../../media/frames.js'
import { type Size } from '../../media/resize.js'
import {
  parseWarpAutoencoderConfig,
  warpDecoder,
  warpEncoder,
  type WarpAutoencoderConfig,
} from '../../models/autoencoder-warp/index.js'
import { posterior } from '../../models/vae/index.js'
import { averagePool } from '../../nn/warp.js'
import { ParameterSet, type Weights } from '../../nn/weights.js'
import { type Random } from '../../runtime/random.js'
import { normals } from '../batches/batch-random.js'
import { latentSize } from '../../svd/first-stage.js'
import { decodedFrames } from '../../svd/preprocess.js'
import { changedRgba, rgbaPlanes } from '../batches/rgba.js'
import { drawChange, StillSource } from '../batches/video-source.node.js'
import { startNetwork } from '../output/components.node.js'
import { type LossGraph } from '../trainer/gradient-program.js'
import { type Learner } from '../trainer/learner.js'
import { common, count, network, optimizer, share } from './fields.js'
import { edgeDifference, FirstStage, firstStageGraph, gaussianDivergence, withPsnr } from './first-stage.node.js'
import { type Feeds, type Objective, type Opening, type OpenObjective, type Sample } from './objective.js'
import { clipSize, networkOf } from './surroundings.node.js'

/** Frames of a sample clip, and samples on a sheet. */
const [SAMPLE_FRAMES, SAMPLES] = [8, 6]

/** Trains `AutoencoderKLWarp` on pictures and later frames of clips. */
const recipe = z.strictObject({
  objective: z
    .literal('warp-autoencoder')
    .describe('The autoencoder that carries a picture along by flows: reconstruction, outlines, KL.'),
  ...common,
  network,
  part: z
    .enum(['whole', 'decoder'])
    .default('whole')
    .describe('What is trained. The decoder alone leaves all latents, and so a trained UNet, what they are.'),
  batch: count.default(6).describe('Clips in a batch; under MPI, in the batch of each rank.'),
  frames: count.default(3).describe('Frames of a clip that are encoded relative to its picture.'),
  reach: z.number().positive().default(2).describe('Farthest a frame lies from its picture, in seconds.'),
  stills: z.array(z.string()).default([]).describe('Clip stores of stills, moved by design as stickers are.'),
  stillsShare: share.default(0.3).describe('Share of samples that are stills, where `stills` is given.'),
  blankShare: share
    .default(0.1)
    .describe('Share of samples whose picture is blank: their latents show the frame itself.'),
  augmentation: share
    .default(0.5)
    .describe(
      'Share of samples that are altered: half of those mirrored, a quarter in other colours, a quarter on another ground.',
    ),
  latentNoise: z
    .number()
    .nonnegative()
    .default(0.3)
    .describe('Most noise that the decoder learns to forgive, a deviation; each sample has its own share of it.'),
  klWeight: z.number().nonnegative().default(1e-4).describe('Weight of the divergence of the latents from a Gaussian.'),
  edgeWeight: z.number().nonnegative().default(0.5).describe('Weight of the difference between neighbouring pixels.'),
  coarseWeight: z.number().nonnegative().default(0.3).describe('Weight of the frames as the coarse flows make them.'),
  optimizer,
})

type WarpAutoencoderRecipe = z.output<typeof recipe>

/** Weights of the loss terms of `AutoencoderKLWarp`. */
export interface WarpAutoencoderLossOptions {
  /** Kullback-Leibler divergence of the latents from a unit Gaussian, mean per latent value. */
  readonly klWeight: number
  /** Difference of picture gradients (neighbouring pixels), which keeps outlines sharp. */
  readonly edgeWeight: number
  /** The frames at a quarter of their size as the coarse flows make them: a hold for flows that are far off. */
  readonly coarseWeight: number
}

/**
 * Reconstruction of frames from how they differ from their picture: mean |x - x'| + edges + coarse + KL. Inputs:
 * `frames` (clips frames, 4, H, W) and `picture` (clips, 4, H, W), premultiplied in [0, 1]; `noise` and `jitter` in the
 * latents' shape: a unit Gaussian that the posterior is sampled with, and what is added for the decoder to forgive.
 * Outputs the reconstruction as `frames`.
 */
export function warpAutoencoderLoss(
  w: Weights,
  config: WarpAutoencoderConfig,
  { clips, frames, width, height }: { clips: number; frames: number; width: number; height: number },
  { klWeight, edgeWeight, coarseWeight }: WarpAutoencoderLossOptions,
): LossGraph {
  const target = input('frames', [clips * frames, 4, height, width])
  const picture = input('picture', [clips, 4, height, width])
  const moments = posterior(warpEncoder(w, config, target, picture))
  const { shape } = moments.mean
  const latents = add(add(moments.mean, mul(moments.deviation, input('noise', shape))), input('jitter', shape))
  const { frames: made, coarse } = warpDecoder(w, config, latents, picture)
  const difference = sub(made, target)
  const l1 = mean(abs(difference))
  const edges = edgeDifference(difference)
  const far = mean(abs(sub(coarse, averagePool(target, 4))))
  const kl = gaussianDivergence(moments)
  return {
    loss: add(add(l1, mul(edges, edgeWeight)), add(mul(far, coarseWeight), mul(kl, klWeight))),
    metrics: { l1, mse: mean(square(difference)), kl, edges, coarse: far, latentSquare: mean(square(moments.mean)) },
    outputs: { frames: made },
  }
}

function stepGraph(recipe: WarpAutoencoderRecipe, set: ParameterSet, config: WarpAutoencoderConfig, size: Size) {
  const batch = { clips: recipe.batch, frames: recipe.frames, width: size.width, height: size.height }
  return firstStageGraph(recipe, set, warpAutoencoderLoss(set, config, batch, recipe))
}

/** Trains `AutoencoderKLWarp` on pictures of clips and frames before or after them. */
export const warpAutoencoder: Objective<WarpAutoencoderRecipe> = {
  recipe,
  written: () => ['vae'],
  async surroundings({ network, data }) {
    const given = await networkOf(network, 'vae')
    const { factor, sampleSize } = parseWarpAutoencoderConfig(given.json, given.file)
    const trainedFor = { width: sampleSize, height: sampleSize }
    return { ...given, ...latentSize(await clipSize({ data }).catch(() => trainedFor), factor) }
  },
  graph(recipe, { json, file, width, height }) {
    const config = parseWarpAutoencoderConfig(json, file)
    const size = { width: width * config.factor, height: height * config.factor }
    return stepGraph(recipe, new ParameterSet('vae/'), config, size)
  },
  open,
}

/** @throws UserError when the clips are in a size that the network cannot halve four times. */
async function open(recipe: WarpAutoencoderRecipe, opening: Opening): Promise<OpenObjective> {
  const { scope } = opening
  const store = scope.own(await ClipStore.open(recipe.data, ['train'], SAMPLE_FRAMES))
  const { width, height } = store
  const stills = recipe.stills.length > 0 ? await StillSource.open(scope, recipe.stills, store, recipe.data) : undefined
  const set = new ParameterSet('vae/')
  const start = await startNetwork('vae', recipe.network, recipe.seed, (json, file) => {
    const config = parseWarpAutoencoderConfig(json, file)
    trace(set, config, 1, width, height)
    return { config, set }
  })
  const { config } = start
  const latent = latentSize(store, config.factor)
  const latentCount = recipe.frames * config.latentChannels * latent.width * latent.height
  const stage = await FirstStage.open(recipe, set, start, trace(set, config, SAMPLE_FRAMES, width, height), opening)
  const onWhite = (planes: Float32Array) => decodedFrames(planes, store, { pixels: 'rgba' }, false).frames
  const drawn: string[] = []
  const pixels = 4 * width * height
  const spacing = Math.max(1, Math.floor(store.fps / 8))

  /** A picture and, behind it, frames within reach of it, before or after. */
  async function draw(random: Random): Promise<RgbaFrames> {
    const change = random.uniform() < recipe.augmentation ? drawChange(random) : {}
    if (stills && random.uniform() < recipe.stillsShare) {
      const fps = recipe.frames / (recipe.reach * (0.2 + 0.8 * random.uniform()))
      const moved = await stills.moved(random, change, 1 + recipe.frames, fps)
      drawn.push(moved.name)
      return moved.frames
    }
    const clip = random.integer(store.clips.length)
    const length = store.length(clip)
    const picture = random.integer(length)
    const reach = Math.round(recipe.reach * store.fps)
    const [first, last] = [Math.max(0, picture - reach), Math.min(length - 1, picture + reach)]
    const others = Array.from({ length: recipe.frames }, () => first + random.integer(last - first + 1))
    drawn.push(`${store.clips[clip]!.name} from frame ${picture}`)
    return changedRgba(await store.rgba(clip, [picture, ...others]), change)
  }

  async function feeds(batch: readonly Random[]): Promise<Feeds> {
    const frames = new Float32Array(batch.length * recipe.frames * pixels)
    const picture = new Float32Array(batch.length * pixels)
    const jitter = normals(batch, latentCount)
    for (const [i, random] of batch.entries()) {
      const sample = await draw(random)
      const values = rgbaPlanes(sample)
      if (random.uniform() >= recipe.blankShare) picture.set(values.subarray(0, pixels), i * pixels)
      frames.set(values.subarray(pixels), i * recipe.frames * pixels)
      const level = recipe.latentNoise * Math.max(0, 2 * random.uniform() - 1)
      for (let j = i * latentCount; j < (i + 1) * latentCount; j++) jitter[j]! *= level
    }
    return { frames, picture, jitter, noise: normals(batch, latentCount) }
  }

  /** A clip of the store with every `spacing`-th frame, and what comes of it. */
  async function rebuilt(vae: Learner, clip: number) {
    const last = Math.floor((store.length(clip) - 1) / spacing)
    const numbers = Array.from({ length: SAMPLE_FRAMES }, (_, i) => spacing * Math.min(i, last))
    const original = rgbaPlanes(await store.rgba(clip, numbers))
    const picture = original.subarray(0, pixels)
    const { latents, made } = await stage.rebuild(vae, { frames: original, picture })
    return { original, latents: latents!, made: made! }
  }

  return {
    graph: stepGraph(recipe, set, config, store),
    initial: { vae: stage.initial },
    frozen: stage.frozen,
    drawn,
    fps: store.fps / spacing,
    draw: feeds,
    logged: (metrics) => withPsnr(metrics, 1),
    async sample({ vae }) {
      const samples: Sample[] = []
      for (let i = 0; i < SAMPLES; i++) {
        const clip = (i * 97) % store.clips.length
        const { original, made } = await rebuilt(vae!, clip)
        const { name } = store.clips[clip]!
        samples.push({ name, reference: onWhite(original), frames: onWhite(made) })
      }
      return samples
    },
    // The latents of later frames alone: the first ones are of the picture itself.
    export: ({ vae }) =>
      stage.export(vae!, store.clips.length, async (clip) => {
        const { latents } = await rebuilt(vae!, clip)
        return latents.subarray(latents.length / SAMPLE_FRAMES)
      }),
  }
}

/** Encodes and decodes `frames` frames of one clip with the posterior's mean. */
function trace(set: ParameterSet, config: WarpAutoencoderConfig, frames: number, width: number, height: number) {
  const picture = input('picture', [1, 4, height, width])
  const latents = warpEncoder(set, config, input('frames', [frames, 4, height, width]), picture).mean
  return { latents, made: warpDecoder(set, config, latents, picture).frames }
}
