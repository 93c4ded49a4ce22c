import { ClipStore } from '../../data/store.node.js'
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
import { startNetwork } from '../components.node.js'
import { latentSize } from '../latent-size.js'
import { warpAutoencoderLoss } from '../objectives/warp-autoencoder.js'
import { type RecipeOf } from '../recipe/index.js'
import { changedRgba, planesOnWhite, rgbaPlanes } from '../rgba.js'
import { type Sample, type Task } from '../task.js'
import { drawChange, StillSource } from '../video-source.node.js'
import { FirstStage } from './first-stage.node.js'

/** Frames of a sample clip, and samples on a sheet. */
const [SAMPLE_FRAMES, SAMPLES] = [8, 6]

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
  const loss = warpAutoencoderLoss(set, config, batch, recipe)
  const rebuild = trace(set, config, SAMPLE_FRAMES, width, height)
  const stage = await FirstStage.open(recipe, { set, start, loss, rebuild }, engine, group)
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
    const { latents, made } = await stage.rebuild({ frames: original, picture })
    return { original, latents: latents!, made: made! }
  }

  return {
    learners: { vae: stage.learner },
    drawn,
    fps: store.fps / spacing,
    async step(step) {
      const random = batchRandom(recipe.seed, step, recipe.batch, group)
      return stage.update(step, await feeds(random), 1)
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
    // The latents of later frames alone: the first ones are of the picture itself.
    export: () =>
      stage.export(store.clips.length, async (clip) => {
        const { latents } = await rebuilt(clip)
        return latents.subarray(latents.length / SAMPLE_FRAMES)
      }),
    async close() {
      await Promise.all([stage.close(), store.close(), stills?.close()])
    },
  }
}

/** Encodes and decodes `frames` frames of one clip with the posterior's mean. */
function trace(set: ParameterSet, config: WarpAutoencoderConfig, frames: number, width: number, height: number) {
  const picture = input('picture', [1, 4, height, width])
  const latents = warpEncoder(set, config, input('frames', [frames, 4, height, width]), picture).mean
  return { latents, made: warpDecoder(set, config, latents, picture).frames }
}
