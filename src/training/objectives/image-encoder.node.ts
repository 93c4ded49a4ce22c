import { z } from 'zod'
import { ClipStore } from '../../data/store.node.js'
import { UserError } from '../../errors.js'
import { input, mean, square } from '../../graph/ops/index.js'
import { type Frames } from '../../media/frames.js'
import { clipVision, parseClipVisionConfig, type ClipVisionConfig } from '../../models/clip/index.js'
import { ParameterSet, type Weights } from '../../nn/weights.js'
import { Random } from '../../runtime/random.js'
import { shuffled } from '../../runtime/shuffled.js'
import { clipInput } from '../../svd/preprocess.js'
import { readPreprocessing, saveComponent, startNetwork } from '../output/components.node.js'
import { type LossGraph } from '../trainer/gradient-program.js'
import { informationNoiseContrast } from './contrastive.js'
import { common, count, network, optimizer, positive } from './fields.js'
import { type Objective, type Opening, type OpenObjective, type StepGraph } from './objective.js'
import { expectColours, networkOf } from './surroundings.node.js'

const SMALLEST_CROP = 0.7
const COLOUR_CHANGE = 0.25
const SAMPLES = 8

/** Trains `CLIPVisionModelWithProjection` to know a figure again. */
const recipe = z.strictObject({
  objective: z.literal('image-encoder').describe('The image encoder: two views of a figure agree, others do not.'),
  ...common,
  network,
  batch: count.default(24).describe('Figures in a batch, each seen twice; under MPI, in the batch of each rank.'),
  temperature: positive.default(0.1).describe('Temperature of the contrastive loss.'),
  optimizer,
})

type ImageEncoderRecipe = z.output<typeof recipe>

/**
 * The image encoder's objective: two views of one figure (other frames, other crops and colours) agree, those of
 * different figures do not: CLIP's loss with a second picture in the caption's place. Inputs: `first`, `second` (pairs,
 * 3, imageSize, imageSize), normalised by CLIP's mean and deviation.
 */
export function contrastiveLoss(w: Weights, config: ClipVisionConfig, pairs: number, temperature: number): LossGraph {
  const shape = [pairs, config.channels, config.imageSize, config.imageSize]
  const embed = (name: string) => clipVision(w, config, input(name, shape)).imageEmbeds
  const [a, b] = [embed('first'), embed('second')]
  return {
    loss: informationNoiseContrast(a, b, temperature),
    metrics: { embeddingSquare: mean(square(a)) },
  }
}

function trace(set: ParameterSet, json: object, file: string): { config: ClipVisionConfig; set: ParameterSet } {
  const config = parseClipVisionConfig(json, file)
  clipVision(set, config, input('shape', [1, config.channels, config.imageSize, config.imageSize]))
  return { config, set }
}

function stepGraph(
  { batch, temperature, optimizer }: ImageEncoderRecipe,
  set: ParameterSet,
  config: ClipVisionConfig,
): StepGraph {
  const loss = contrastiveLoss(set, config, batch, temperature)
  return { trained: [{ name: 'image_encoder', set, loss, optimizer }], frozen: [] }
}

/** Trains `CLIPVisionModelWithProjection` to know a figure again in another frame, crop and colour. */
export const imageEncoder: Objective<ImageEncoderRecipe> = {
  recipe,
  contrasts: true,
  written: () => ['image_encoder'],
  async surroundings({ network }) {
    const given = await networkOf(network, 'image_encoder')
    expectColours(given.file, 'num_channels', parseClipVisionConfig(given.json, given.file).channels)
    return { ...given, height: 0, width: 0 }
  },
  graph(recipe, { json, file }) {
    const { config, set } = trace(new ParameterSet('image_encoder/'), json, file)
    return stepGraph(recipe, set, config)
  },
  open,
}

/** @throws UserError when the clip store has fewer figures than a batch. */
async function open(recipe: ImageEncoderRecipe, { group, scope }: Opening): Promise<OpenObjective> {
  const store = scope.own(await ClipStore.open(recipe.data))
  const figures = byFigure(store)
  const wanted = recipe.batch * group.size
  if (figures.length < wanted)
    throw new UserError(`${recipe.data} has ${figures.length} figures for a batch of ${wanted}; lower batch`)
  const set = new ParameterSet('image_encoder/')
  const start = await startNetwork('image_encoder', recipe.network, recipe.seed, (json, file) => trace(set, json, file))
  const { config, json } = start
  const base = typeof recipe.network === 'string' ? recipe.network : undefined
  const size = { width: config.imageSize, height: config.imageSize }
  const preprocessing = { ...(await readPreprocessing(base, config.imageSize)), size }
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
    graph: stepGraph(recipe, set, config),
    initial: { image_encoder: start.initial },
    drawn,
    fps: store.fps,
    async draw(batch, step) {
      const pixels = 3 * config.imageSize ** 2
      const views = { first: new Float32Array(recipe.batch * pixels), second: new Float32Array(recipe.batch * pixels) }
      // No figure is in the batches of two processes: they all shuffle alike, and each takes its part.
      const order = shuffled(figures, new Random(recipe.seed, `step ${step}`))
      for (const [i, random] of batch.entries())
        for (const view of Object.values(views)) {
          const seen = await picture(order[group.rank * recipe.batch + i]!, random)
          view.set(clipInput(seen, preprocessing), i * pixels)
        }
      return views
    },
    sample: () =>
      Promise.all(
        figures.slice(0, SAMPLES).map(async (clips, i) => {
          const frames = await picture(clips, new Random(recipe.seed, `sample ${i}`))
          return { name: store.clips[clips[0]!]!.figure, frames }
        }),
      ),
    export: ({ image_encoder: learner }) =>
      saveComponent(recipe.output, 'image_encoder', json, learner!.layout, learner!.average),
  }
}

/** The clips of each figure, by number. */
function byFigure(store: ClipStore): number[][] {
  const groups = new Map<string, number[]>()
  store.clips.forEach(({ figure }, i) => groups.set(figure, [...(groups.get(figure) ?? []), i]))
  return [...groups.values()]
}

/** A random square crop of a picture, perhaps mirrored, its colour channels brightened or darkened at random. */
function randomView({ width, height, data }: Frames, random: Random): Frames {
  const side = Math.round(Math.min(width, height) * (SMALLEST_CROP + (1 - SMALLEST_CROP) * random.uniform()))
  const x = random.integer(width - side + 1)
  const y = random.integer(height - side + 1)
  const mirror = random.uniform() < 0.5
  const gains = [0, 1, 2].map(() => 1 + COLOUR_CHANGE * (2 * random.uniform() - 1))
  const view = new Uint8Array(3 * side * side)
  for (let row = 0; row < side; row++)
    for (let column = 0; column < side; column++) {
      const source = 3 * ((y + row) * width + x + (mirror ? side - 1 - column : column))
      for (let c = 0; c < 3; c++)
        view[3 * (row * side + column) + c] = Math.min(255, Math.round(data[source + c]! * gains[c]!))
    }
  return { width: side, height: side, count: 1, data: view }
}
