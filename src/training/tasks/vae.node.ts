import { ClipStore } from '../../data/store.node.js'
import { UserError } from '../../errors.js'
import { input } from '../../graph/ops/index.js'
import { type Frames } from '../../media/frames.js'
import { type Size } from '../../media/resize.js'
import { parseVaeConfig, vaeDecoder, vaeEncoder } from '../../models/vae/index.js'
import { ParameterSet } from '../../nn/weights.js'
import { type Random } from '../../runtime/random.js'
import { type Engine } from '../../runtime/program.js'
import { type Group } from '../../runtime/group.js'
import { batchRandom, normals } from '../batch-random.js'
import { startNetwork } from '../components.node.js'
import { latentSize } from '../latent-size.js'
import { autoencoderLoss } from '../objectives/autoencoder.js'
import { CHANNEL_ORDERS, fromPlanar, toPlanar, writePlanar } from '../pixels.js'
import { type RecipeOf } from '../recipe/index.js'
import { type Sample, type Task } from '../task.js'
import { FirstStage } from './first-stage.node.js'

/** Share of stills in a batch, where the recipe has stills: things of all colours, which the clips have few of. */
const STILLS_SHARE = 0.5

/**
 * Trains `AutoencoderKLTemporalDecoder` on crops of clips and of stills (as clips that stand still).
 *
 * @throws UserError when the clips are smaller than the crops, or in a size that the network cannot halve.
 */
export async function vaeTask(recipe: RecipeOf<'vae'>, engine: Engine, group: Group): Promise<Task> {
  const store = await ClipStore.open(recipe.data, ['train'], Math.max(recipe.frames, SAMPLE_FRAMES))
  const stills = recipe.stills === undefined ? undefined : await ClipStore.open(recipe.stills)
  const set = new ParameterSet('vae/')
  const start = await startNetwork('vae', recipe.network, recipe.seed, (json, file) => {
    const config = parseVaeConfig(json, file)
    const latents = vaeEncoder(set, config, input('shape', [1, config.inChannels, recipe.crop, recipe.crop])).mean
    vaeDecoder(set, config, latents, 1)
    return { config, set }
  })
  const { config } = start
  const side = recipe.crop
  if (side > Math.min(store.width, store.height))
    throw new UserError(
      `recipe: crop is ${side}, but ${recipe.data} has clips of ${store.width}x${store.height}; lower it`,
    )
  const pictures = recipe.batch * recipe.frames
  const latentSize = recipe.frames * config.latentChannels * (side / config.factor) ** 2
  const batch = { clips: recipe.batch, frames: recipe.frames, size: side }
  const stage = await FirstStage.open(
    recipe,
    { set, start, loss: autoencoderLoss(set, config, batch, recipe), rebuild: wholePicture(set, config, store) },
    engine,
    group,
  )
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

  return {
    learners: { vae: stage.learner },
    drawn,
    fps: store.fps,
    async step(step) {
      const random = batchRandom(recipe.seed, step, recipe.batch, group)
      return stage.update(step, { pictures: await crops(random), noise: normals(random, latentSize) }, 4)
    },
    async sample() {
      const samples: Sample[] = []
      for (let i = 0; i < 4; i++) {
        const clip = (i * 97) % store.clips.length
        const reference = await store.clip(clip, 0, SAMPLE_FRAMES)
        const { pictures } = await stage.rebuild({ original: toPlanar(reference) })
        const frames = fromPlanar(pictures!, store.width, store.height)
        samples.push({ name: store.clips[clip]!.name, reference, frames })
      }
      return samples
    },
    export: () =>
      stage.export(store.clips.length, async (clip) => {
        const original = toPlanar(await store.clip(clip, 0, SAMPLE_FRAMES))
        return (await stage.rebuild({ original }))['latents']!
      }),
    async close() {
      await Promise.all([stage.close(), store.close(), stills?.close()])
    },
  }
}

const SAMPLE_FRAMES = 6

/** Encodes and decodes whole frames with the posterior's mean. */
function wholePicture(set: ParameterSet, config: ReturnType<typeof parseVaeConfig>, { width, height }: Size) {
  const { factor, inChannels } = config
  latentSize({ width, height }, factor)
  const original = input('original', [SAMPLE_FRAMES, inChannels, height, width])
  const latents = vaeEncoder(set, config, original).mean
  return { latents, pictures: vaeDecoder(set, config, latents, SAMPLE_FRAMES) }
}
