import { FLAW_NAMES, flawed, type Flaw } from '../../data/flaws.js'
import { ClipStore } from '../../data/store.node.js'
import { UserError } from '../../errors.js'
import { input } from '../../graph/ops/index.js'
import { type Frames } from '../../media/frames.js'
import { shrink } from '../../media/shrink.js'
import { parseVideoFeaturesConfig, videoFeatures } from '../../models/features/index.js'
import { ParameterSet } from '../../nn/weights.js'
import { type Group } from '../../runtime/group.js'
import { type Engine } from '../../runtime/program.js'
import { Random } from '../../runtime/random.js'
import { shuffled } from '../../runtime/shuffled.js'
import { batchRandom } from '../batch-random.js'
import { saveComponent, startNetwork } from '../components.node.js'
import { GradientProgram } from '../gradient-program.js'
import { Learner } from '../learner.js'
import { videoFeaturesLoss } from '../objectives/video-features.js'
import { writePlanar } from '../pixels.js'
import { learningRate, optimizerOf, type RecipeOf } from '../recipe/index.js'
import { type Task } from '../task.js'

/** The most flaws that a window has at a time. */
const MOST_FLAWS = 3
const SAMPLES = 8

/** A window of a clip, and what is wrong with it. */
interface View {
  readonly frames: Frames
  readonly flaws: readonly Flaw[]
}

/**
 * Trains `VideoFeatures` on windows of clips that were given flaws.
 *
 * @throws UserError when the configuration names a flaw that there is not, or the store has fewer clips than a batch.
 */
export async function videoFeaturesTask(
  recipe: RecipeOf<'video-features'>,
  engine: Engine,
  group: Group,
): Promise<Task> {
  const set = new ParameterSet('features/')
  const { config, json, initial } = await startNetwork('features', recipe.network, recipe.seed, (json, file) => {
    const config = parseVideoFeaturesConfig(json, file)
    const unknown = config.flaws.find((flaw) => !FLAW_NAMES.includes(flaw))
    if (unknown !== undefined)
      throw new UserError(`${file}: field flaws names ${unknown}; known are ${FLAW_NAMES.join(', ')}`)
    videoFeatures(set, config, input('shape', [1, config.frames, 3, config.imageSize, config.imageSize]))
    return { config, set }
  })
  const { frames, imageSize: side } = config
  const store = await ClipStore.open(recipe.data, ['train'], frames)
  const wanted = recipe.batch * group.size
  if (store.clips.length < wanted) {
    await store.close()
    throw new UserError(`${recipe.data} has ${store.clips.length} clips for a batch of ${wanted}; lower batch`)
  }
  const graph = videoFeaturesLoss(set, config, { ...recipe, pairs: recipe.batch })
  const program = await GradientProgram.open(engine, { ...graph, trained: set })
  const learner = new Learner(set, initial, {
    optimizer: optimizerOf(recipe.optimizer),
    emaDecay: recipe.ema,
    maxGradientNorm: recipe.maxGradientNorm,
    group,
  })

  const drawn: string[] = []

  function drawFlaws(random: Random): Flaw[] {
    if (random.uniform() < recipe.cleanShare) return []
    const count = 1 + random.integer(MOST_FLAWS)
    const names = Array.from({ length: count }, () => config.flaws[random.integer(config.flaws.length)]!)
    return [...new Set(names)].map((name) => ({ name, strength: name === 'reverse' ? 1 : random.uniform() }))
  }

  /** Two windows of a clip, each with flaws of its own. */
  async function views(clip: number, random: Random): Promise<View[]> {
    const length = store.length(clip)
    const source = shrink(await store.clip(clip, 0, length), side)
    return [0, 1].map(() => {
      const flaws = drawFlaws(random)
      const start = random.integer(length - frames + 1)
      drawn.push(`${store.clips[clip]!.name} from ${start}`)
      return { frames: flawed(source, start, frames, flaws, random), flaws }
    })
  }

  async function draw(step: number) {
    const size = frames * 3 * side * side
    const clips = new Float32Array(2 * recipe.batch * size)
    const strengths = new Float32Array(2 * recipe.batch * config.flaws.length)
    // No clip is in the batches of two processes: they all shuffle alike, and each takes its part.
    const order = shuffled([...store.clips.keys()], new Random(recipe.seed, `step ${step}`))
    for (const [i, random] of batchRandom(recipe.seed, step, recipe.batch, group).entries()) {
      const mirror = random.uniform() < 0.5
      for (const [j, view] of (await views(order[group.rank * recipe.batch + i]!, random)).entries()) {
        const row = j * recipe.batch + i
        writePlanar(view.frames, { x: 0, y: 0, size: side }, { mirror }, clips, row * size)
        for (const { name, strength } of view.flaws)
          strengths[row * config.flaws.length + config.flaws.indexOf(name)] = strength
      }
    }
    return { clips, strengths }
  }

  return {
    learners: { features: learner },
    drawn,
    fps: store.fps,
    async step(step) {
      const batch = await draw(step)
      const { metrics } = await program.run({ ...learner.feeds(), ...batch })
      const rate = learningRate(recipe.optimizer.learningRate, step, recipe)
      return { ...metrics, gradientNorm: await learner.apply(program.gradients[0]!, rate), learningRate: rate }
    },
    async sample() {
      const rows = Array.from({ length: SAMPLES }, async (_, i) => {
        const random = new Random(recipe.seed, `sample ${i}`)
        const clip = random.integer(store.clips.length)
        const { frames, flaws } = (await views(clip, random))[0]!
        const name = [store.clips[clip]!.name, ...flaws.map((flaw) => `${flaw.name} ${flaw.strength.toFixed(2)}`)]
        return { name: name.join(', '), frames }
      })
      return Promise.all(rows)
    },
    export: () => saveComponent(recipe.output, 'features', json, learner.layout, learner.average),
    close: async () => {
      await Promise.all([program.dispose(), store.close()])
    },
  }
}
