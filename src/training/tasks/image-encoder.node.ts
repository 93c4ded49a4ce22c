import { ClipStore } from '../../data/store.node.js'
import { UserError } from '../../errors.js'
import { input } from '../../graph/ops/index.js'
import { clipInput, CLIP_MEAN, CLIP_STD } from '../../media/clip-input.js'
import { type Frames } from '../../media/frames.js'
import { clipVision, parseClipVisionConfig } from '../../models/clip/index.js'
import { ParameterSet } from '../../nn/weights.js'
import { type Engine } from '../../runtime/program.js'
import { Random } from '../../runtime/random.js'
import { shuffled } from '../../runtime/shuffled.js'
import { type Group } from '../../runtime/group.js'
import { batchRandom } from '../batch-random.js'
import { saveComponent, startNetwork } from '../components.node.js'
import { GradientProgram } from '../gradient-program.js'
import { Learner } from '../learner.js'
import { contrastiveLoss } from '../objectives/contrastive.js'
import { learningRate, optimizerOf, type RecipeOf } from '../recipe/index.js'
import { type Task } from '../task.js'
import { randomView } from '../views.js'

/**
 * Trains `CLIPVisionModelWithProjection` to know a figure again in another frame, crop and colour.
 *
 * @throws UserError when the clip store has fewer figures than a batch.
 */
export async function imageEncoderTask(recipe: RecipeOf<'image-encoder'>, engine: Engine, group: Group): Promise<Task> {
  const store = await ClipStore.open(recipe.data)
  const figures = byFigure(store)
  const wanted = recipe.batch * group.size
  if (figures.length < wanted) {
    await store.close()
    throw new UserError(`${recipe.data} has ${figures.length} figures for a batch of ${wanted}; lower batch`)
  }
  const set = new ParameterSet('image_encoder/')
  const { config, json, initial } = await startNetwork('image_encoder', recipe.network, recipe.seed, (json, file) => {
    const config = parseClipVisionConfig(json, file)
    clipVision(set, config, input('shape', [1, config.channels, config.imageSize, config.imageSize]))
    return { config, set }
  })
  const graph = contrastiveLoss(set, config, recipe.batch, recipe.temperature)
  const program = await GradientProgram.open(engine, { ...graph, trained: set })
  const learner = new Learner(set, initial, {
    optimizer: optimizerOf(recipe.optimizer),
    emaDecay: recipe.ema,
    maxGradientNorm: recipe.maxGradientNorm,
    group,
  })
  const size = { width: config.imageSize, height: config.imageSize }

  const drawn: string[] = []

  async function picture(clips: readonly number[], random: Random): Promise<Frames> {
    const clip = clips[random.integer(clips.length)]!
    const background = [0, 1, 2].map(() => random.integer(256)) as [number, number, number]
    const white = random.uniform() < 0.5
    const frame = random.integer(store.length(clip))
    drawn.push(`${store.clips[clip]!.name} frame ${frame}`)
    return randomView(await store.clip(clip, frame, 1, white ? undefined : background), random)
  }

  return {
    learners: { image_encoder: learner },
    drawn,
    fps: store.fps,
    async step(step) {
      const random = batchRandom(recipe.seed, step, recipe.batch, group)
      const pixels = 3 * config.imageSize ** 2
      const views = { first: new Float32Array(recipe.batch * pixels), second: new Float32Array(recipe.batch * pixels) }
      // No figure is in the batches of two processes: they all shuffle alike, and each takes its part.
      const order = shuffled(figures, new Random(recipe.seed, `step ${step}`))
      for (const [i, sample] of random.entries())
        for (const view of Object.values(views)) {
          const seen = await picture(order[group.rank * recipe.batch + i]!, sample)
          view.set(clipInput(seen, size, CLIP_MEAN, CLIP_STD), i * pixels)
        }
      const { metrics } = await program.run({ ...learner.feeds(), ...views })
      const rate = learningRate(recipe.optimizer.learningRate, step, recipe)
      return { ...metrics, gradientNorm: await learner.apply(program.gradients[0]!, rate), learningRate: rate }
    },
    sample: () =>
      Promise.all(
        figures.slice(0, 8).map(async (clips, i) => {
          const frames = await picture(clips, new Random(recipe.seed, `sample ${i}`))
          return { name: store.clips[clips[0]!]!.figure, frames }
        }),
      ),
    export: () => saveComponent(recipe.output, 'image_encoder', json, learner.layout, learner.average),
    close: async () => {
      await Promise.all([program.dispose(), store.close()])
    },
  }
}

/** The clips of each figure, by number. */
function byFigure(store: ClipStore): number[][] {
  const groups = new Map<string, number[]>()
  store.clips.forEach(({ figure }, i) => groups.set(figure, [...(groups.get(figure) ?? []), i]))
  return [...groups.values()]
}
