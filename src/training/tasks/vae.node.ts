import { ClipStore } from '../../data/store.node.js'
import { UserError } from '../../errors.js'
import { input } from '../../graph/ops/index.js'
import { type Frames } from '../../media/frames.js'
import { type Size } from '../../media/resize.js'
import { parseVaeConfig, vaeDecoder, vaeEncoder } from '../../models/vae/index.js'
import { ParameterSet } from '../../nn/weights.js'
import { type Random } from '../../runtime/random.js'
import { type Engine } from '../../runtime/program.js'
import { lower } from '../../graph/lower.js'
import { type Group } from '../../runtime/group.js'
import { batchRandom, normals } from '../batch-random.js'
import { saveComponent, startNetwork } from '../components.node.js'
import { GradientProgram } from '../gradient-program.js'
import { Learner } from '../learner.js'
import { latentSize } from '../latent-size.js'
import { autoencoderLoss } from '../objectives/autoencoder.js'
import { Layout } from '../parameters.js'
import { CHANNEL_ORDERS, fromPlanar, toPlanar, writePlanar } from '../pixels.js'
import { learningRate, optimizerOf, type RecipeOf } from '../recipe/index.js'
import { type Sample, type Task } from '../task.js'

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
  const graph = autoencoderLoss(set, config, batch, recipe)
  const whole = new Layout(set.shapes)
  const trained = recipe.part === 'decoder' ? set.under('decoder') : set
  const program = await GradientProgram.open(engine, { ...graph, trained })
  const learner = new Learner(trained, whole.extract(start.initial, new Layout(trained.shapes)), {
    optimizer: optimizerOf(recipe.optimizer),
    emaDecay: recipe.ema,
    maxGradientNorm: recipe.maxGradientNorm,
    group,
  })
  const reconstruct = await engine.load(lower(wholePicture(set, config, store)))

  const frozen = whole.views(start.initial, set.prefix)
  const averageFeeds = () => ({ ...frozen, ...learner.layout.views(learner.average, set.prefix) })
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
    learners: { vae: learner },
    drawn,
    fps: store.fps,
    async step(step) {
      const random = batchRandom(recipe.seed, step, recipe.batch, group)
      const feeds = { ...frozen, ...learner.feeds(), pictures: await crops(random), noise: normals(random, latentSize) }
      const { metrics } = await program.run(feeds)
      const rate = learningRate(recipe.optimizer.learningRate, step, recipe)
      const gradientNorm = await learner.apply(program.gradients[0]!, rate)
      const { mse, ...rest } = metrics
      return { ...rest, psnr: 10 * Math.log10(4 / mse!), gradientNorm, learningRate: rate }
    },
    async sample() {
      const samples: Sample[] = []
      for (let i = 0; i < 4; i++) {
        const clip = (i * 97) % store.clips.length
        const reference = await store.clip(clip, 0, SAMPLE_FRAMES)
        const { pictures } = await reconstruct.run({ ...averageFeeds(), original: toPlanar(reference) })
        const frames = fromPlanar(pictures!, store.width, store.height)
        samples.push({ name: store.clips[clip]!.name, reference, frames })
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

  /** The configuration with the scale of the latents; what their encoder has not changed, it leaves. */
  async function scaledConfig(): Promise<object> {
    if (recipe.part === 'decoder') return start.json
    return { ...start.json, scaling_factor: Number((1 / Math.sqrt(await latentSquare())).toPrecision(6)) }
  }

  /** Mean square of the latents over clips of the data set: SVD scales latents to unit deviation. */
  async function latentSquare(): Promise<number> {
    let total = 0
    const clips = Math.min(64, store.clips.length)
    for (let i = 0; i < clips; i++) {
      const frames = await store.clip(Math.floor((i * store.clips.length) / clips), 0, SAMPLE_FRAMES)
      const { latents } = await reconstruct.run({ ...averageFeeds(), original: toPlanar(frames) })
      total += latents!.reduce((sum, x) => sum + x * x, 0) / latents!.length / clips
    }
    return total
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
