import { ClipStore } from '../../data/store.node.js'
import { lower } from '../../graph/lower.js'
import { input } from '../../graph/ops/index.js'
import { type RgbaFrames } from '../../media/frames.js'
import {
  parseWarpAutoencoderConfig,
  warpDecoder,
  warpEncoder,
  type WarpAutoencoderConfig,
} from '../../models/autoencoder-warp/index.js'
import { ParameterSet } from '../../nn/weights.js'
import { type Group } from '../../runtime/group.js'
import { type Engine } from '../../runtime/program.js'
import { type Random } from '../../runtime/random.js'
import { batchRandom, normals } from '../batch-random.js'
import { saveComponent, startNetwork } from '../components.node.js'
import { GradientProgram } from '../gradient-program.js'
import { latentSize } from '../latent-size.js'
import { Learner } from '../learner.js'
import { warpAutoencoderLoss } from '../objectives/warp-autoencoder.js'
import { Layout } from '../parameters.js'
import { learningRate, optimizerOf, type RecipeOf } from '../recipe/index.js'
import { changedRgba, planesOnWhite, rgbaPlanes } from '../rgba.js'
import { type Sample, type Task } from '../task.js'
import { drawChange, StillSource } from '../video-source.node.js'

/** Frames of a sample clip, and samples on a sheet. */
const [SAMPLE_FRAMES, SAMPLES] = [8, 6]
/** Clips whose latents the scale is measured on. */
const MEASURED = 64

/**
 * Trains `AutoencoderKLWarp` on pictures of clips and frames before or after them.
 *
 * @throws UserError when the clips are in a size that the network cannot halve four times.
 */
export async function warpAutoencoderTask(
  recipe: RecipeOf<'warp-autoencoder'>,
  engine: Engine,
  group: Group,
): Promise<Task> {
  const store = await ClipStore.open(recipe.data, ['train'], SAMPLE_FRAMES)
  const { width, height } = store
  const stills = recipe.stills.length > 0 ? await StillSource.open(recipe.stills, store, recipe.data) : undefined
  const set = new ParameterSet('vae/')
  const start = await startNetwork('vae', recipe.network, recipe.seed, (json, file) => {
    const config = parseWarpAutoencoderConfig(json, file)
    trace(set, config, 1, width, height)
    return { config, set }
  })
  const { config } = start
  const latent = latentSize(store, config.factor)
  const latentCount = recipe.frames * config.latentChannels * latent.width * latent.height
  const batch = { clips: recipe.batch, frames: recipe.frames, width, height }
  const whole = new Layout(set.shapes)
  const trained = recipe.part === 'decoder' ? set.under('decoder') : set
  const program = await GradientProgram.open(engine, { ...warpAutoencoderLoss(set, config, batch, recipe), trained })
  const learner = new Learner(trained, whole.extract(start.initial, new Layout(trained.shapes)), {
    optimizer: optimizerOf(recipe.optimizer),
    emaDecay: recipe.ema,
    maxGradientNorm: recipe.maxGradientNorm,
    group,
  })
  const reconstruct = await engine.load(lower(trace(set, config, SAMPLE_FRAMES, width, height)))
  const frozen = whole.views(start.initial, set.prefix)
  const averageFeeds = () => ({ ...frozen, ...learner.layout.views(learner.average, set.prefix) })
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

  async function feeds(batch: readonly Random[]) {
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
  async function rebuilt(clip: number) {
    const last = Math.floor((store.length(clip) - 1) / spacing)
    const numbers = Array.from({ length: SAMPLE_FRAMES }, (_, i) => spacing * Math.min(i, last))
    const original = rgbaPlanes(await store.rgba(clip, numbers))
    const picture = original.subarray(0, pixels)
    const { latents, made } = await reconstruct.run({ ...averageFeeds(), frames: original, picture })
    return { original, latents: latents!, made: made! }
  }

  return {
    learners: { vae: learner },
    drawn,
    fps: store.fps / spacing,
    async step(step) {
      const random = batchRandom(recipe.seed, step, recipe.batch, group)
      const { metrics } = await program.run({ ...frozen, ...learner.feeds(), ...(await feeds(random)) })
      const rate = learningRate(recipe.optimizer.learningRate, step, recipe)
      const gradientNorm = await learner.apply(program.gradients[0]!, rate)
      const { mse, ...rest } = metrics
      return { ...rest, psnr: -10 * Math.log10(mse!), gradientNorm, learningRate: rate }
    },
    async sample() {
      const samples: Sample[] = []
      for (let i = 0; i < SAMPLES; i++) {
        const clip = (i * 97) % store.clips.length
        const { original, made } = await rebuilt(clip)
        const reference = planesOnWhite(original, width, height)
        samples.push({ name: store.clips[clip]!.name, reference, frames: planesOnWhite(made, width, height) })
      }
      return samples
    },
    async export() {
      const values = whole.replace(start.initial, learner.layout, learner.average)
      await saveComponent(recipe.output, 'vae', await scaledConfig(), whole, values)
    },
    async close() {
      await Promise.all([program.dispose(), reconstruct.dispose(), store.close(), stills?.close()])
    },
  }

  /** The configuration with the scale that takes latents of later frames to unit deviation; a frozen encoder keeps its own. */
  async function scaledConfig(): Promise<object> {
    if (recipe.part === 'decoder') return start.json
    let total = 0
    const clips = Math.min(MEASURED, store.clips.length)
    for (let i = 0; i < clips; i++) {
      const { latents } = await rebuilt(Math.floor((i * store.clips.length) / clips))
      const later = latents.subarray(latents.length / SAMPLE_FRAMES)
      total += later.reduce((sum, x) => sum + x * x, 0) / later.length / clips
    }
    return { ...start.json, scaling_factor: Number((1 / Math.sqrt(total)).toPrecision(6)) }
  }
}

/** Encodes and decodes `frames` frames of one clip with the posterior's mean. */
function trace(set: ParameterSet, config: WarpAutoencoderConfig, frames: number, width: number, height: number) {
  const picture = input('picture', [1, 4, height, width])
  const latents = warpEncoder(set, config, input('frames', [frames, 4, height, width]), picture).mean
  return { latents, made: warpDecoder(set, config, latents, picture).frames }
}
