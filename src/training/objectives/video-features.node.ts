import { z } from 'zod'
import { FLAW_NAMES, flawed, type Flaw } from '../../data/flaws.js'
import { ClipStore } from '../../data/store.node.js'
import { UserError } from '../../errors.js'
import { add, input, mean, mul, slice, square, sub } from '../../graph/ops/index.js'
import { type Frames } from '../../media/frames.js'
import { shrink } from '../../media/shrink.js'
import {
  parseVideoFeaturesConfig,
  videoFeatures as featureNetwork,
  type VideoFeaturesConfig,
} from '../../models/features/index.js'
import { ParameterSet, type Weights } from '../../nn/weights.js'
import { Random } from '../../runtime/random.js'
import { shuffled } from '../../runtime/shuffled.js'
import { writePlanar } from '../batches/pixels.js'
import { saveComponent, startNetwork } from '../output/components.node.js'
import { type LossGraph } from '../trainer/gradient-program.js'
import { informationNoiseContrast } from './contrastive.js'
import { common, count, network, optimizer, positive, share } from './fields.js'
import { type Feeds, type Objective, type Opening, type OpenObjective, type StepGraph } from './objective.js'
import { networkOf } from './surroundings.node.js'

/** The most flaws that a window has at a time. */
const MOST_FLAWS = 3
const SAMPLES = 8

/** Trains `VideoFeatures`, in which `sfv eval` takes distances. */
const recipe = z.strictObject({
  objective: z
    .literal('video-features')
    .describe('The feature network of `sfv eval`: windows of a clip agree, and what is wrong with them is estimated.'),
  ...common,
  network,
  batch: count.default(8).describe('Clips in a batch, each seen twice; under MPI, in the batch of each rank.'),
  temperature: positive.default(0.1).describe('Temperature of the contrastive loss.'),
  flawWeight: positive.default(100).describe('Weight of the error in the strengths of flaws.'),
  cleanShare: share.default(0.1).describe('Share of windows without any flaw.'),
  optimizer,
})

type VideoFeaturesRecipe = z.output<typeof recipe>

/**
 * The feature network's objective, in two parts: two windows of one clip, each with flaws of its own, agree and those
 * of different clips do not (symmetric InfoNCE of the projections); and the strength of every flaw is estimated (mean
 * square, times `flawWeight`). Both look at the features through a linear layer: what a clip shows and what is wrong
 * with it are directions in feature space.
 *
 * Inputs: `clips` (2 pairs, frames, 3, side, side) in [-1, 1], first all first windows, then all second ones;
 * `strengths` (2 pairs, flaws).
 */
export function videoFeaturesLoss(
  w: Weights,
  config: VideoFeaturesConfig,
  { pairs, temperature, flawWeight }: { pairs: number; temperature: number; flawWeight: number },
): LossGraph {
  const { frames, imageSize: side } = config
  const clips = input('clips', [2 * pairs, frames, 3, side, side])
  const { features, projection, flaws } = featureNetwork(w, config, clips)
  const contrast = informationNoiseContrast(
    slice(projection, 0, 0, pairs),
    slice(projection, 0, pairs, 2 * pairs),
    temperature,
  )
  const flawError = mean(square(sub(flaws, input('strengths', [2 * pairs, config.flaws.length]))))
  return {
    loss: add(contrast, mul(flawError, flawWeight)),
    metrics: { contrast, flawError, featureSquare: mean(square(features)) },
  }
}

function stepGraph(recipe: VideoFeaturesRecipe, set: ParameterSet, config: VideoFeaturesConfig): StepGraph {
  const loss = videoFeaturesLoss(set, config, { ...recipe, pairs: recipe.batch })
  return { trained: [{ name: 'features', set, loss, optimizer: recipe.optimizer }], frozen: [] }
}

/** Trains `VideoFeatures` on windows of clips that were given flaws. */
export const videoFeatures: Objective<VideoFeaturesRecipe> = {
  recipe,
  contrasts: true,
  written: () => ['features'],
  surroundings: async ({ network }) => ({ ...(await networkOf(network, 'features')), height: 0, width: 0 }),
  graph: (recipe, { json, file }) =>
    stepGraph(recipe, new ParameterSet('features/'), parseVideoFeaturesConfig(json, file)),
  open,
}

/** A window of a clip, and what is wrong with it. */
interface View {
  readonly frames: Frames
  readonly flaws: readonly Flaw[]
}

/** @throws UserError when the configuration names a flaw that there is not, or the store has fewer clips than a batch. */
async function open(recipe: VideoFeaturesRecipe, { group, scope }: Opening): Promise<OpenObjective> {
  const set = new ParameterSet('features/')
  const start = await startNetwork('features', recipe.network, recipe.seed, (json, file) => {
    const config = parseVideoFeaturesConfig(json, file)
    const unknown = config.flaws.find((flaw) => !FLAW_NAMES.includes(flaw))
    if (unknown !== undefined)
      throw new UserError(`${file}: field flaws names ${unknown}; known are ${FLAW_NAMES.join(', ')}`)
    featureNetwork(set, config, input('shape', [1, config.frames, 3, config.imageSize, config.imageSize]))
    return { config, set }
  })
  const { config, json } = start
  const { frames, imageSize: side } = config
  const store = scope.own(await ClipStore.open(recipe.data, ['train'], frames))
  const wanted = recipe.batch * group.size
  if (store.clips.length < wanted)
    throw new UserError(`${recipe.data} has ${store.clips.length} clips for a batch of ${wanted}; lower batch`)
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

  async function draw(batch: readonly Random[], step: number): Promise<Feeds> {
    const size = frames * 3 * side * side
    const clips = new Float32Array(2 * recipe.batch * size)
    const strengths = new Float32Array(2 * recipe.batch * config.flaws.length)
    // No clip is in the batches of two processes: they all shuffle alike, and each takes its part.
    const order = shuffled([...store.clips.keys()], new Random(recipe.seed, `step ${step}`))
    for (const [i, random] of batch.entries()) {
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
    graph: stepGraph(recipe, set, config),
    initial: { features: start.initial },
    drawn,
    fps: store.fps,
    draw,
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
    export: ({ features }) => saveComponent(recipe.output, 'features', json, features!.layout, features!.average),
  }
}
