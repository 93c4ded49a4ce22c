import { z } from 'zod'
import { karrasSigmas, sampleClean } from '../../diffusion/index.js'
import { lower } from '../../graph/lower.js'
import { add, input, mean, mul, square, sub } from '../../graph/ops/index.js'
import { type UNetConfig } from '../../models/unet/index.js'
import { ParameterSet, type Weights } from '../../nn/weights.js'
import { Random } from '../../runtime/random.js'
import { each, normals } from '../batches/batch-random.js'
import { LatentVideos } from '../batches/latent-videos.node.js'
import { saveComponent, startNetwork } from '../output/components.node.js'
import { type LossGraph } from '../trainer/gradient-program.js'
import {
  conditionInputs,
  denoiserGraph,
  diffuse,
  preconditioning,
  predict,
  traceUNet,
  type LatentBatch,
} from './denoiser.js'
import { common, folder, latentBatch, network, noiseAugmentation, optimizer, positive, share } from './fields.js'
import { type Objective, type Opening, type OpenObjective, type Sample, type StepGraph } from './objective.js'
import { unetSurroundings } from './surroundings.node.js'

const SAMPLES = 3
const SAMPLE_STEPS = 8

/** Trains the multi-step UNet by denoising score matching. */
const recipe = z.strictObject({
  objective: z.literal('teacher').describe('The multi-step UNet: denoising score matching in the EDM frame.'),
  ...common,
  ...latentBatch,
  model: folder.describe('Pipeline folder with the VAE and the image encoder.'),
  network,
  pMean: z.number().default(0.7).describe('Mean of ln sigma (SVD: 0.7).'),
  pStd: positive.default(1.6).describe('Deviation of ln sigma (SVD: 1.6).'),
  conditionDropout: share
    .default(0.1)
    .describe('Share of samples whose image condition is replaced by zeros, for guidance.'),
  ...noiseAugmentation,
  optimizer,
})

type TeacherRecipe = z.output<typeof recipe>

/**
 * EDM denoising score matching, the teacher's objective: E[ lambda(s) |D(x_0 + s e; s, c) - x_0|^2 ] with lambda = (s^2
 * + 1)/s^2 (sigma_data = 1). That is the plain squared error of the network's output F against (x_0 - c_skip x_t)/c_out
 * = c_in e - s c_in x_0, the v-target. Inputs: `latents` (b, f, c, h, w), scaled; `noise` of the same shape; `sigma`
 * (b); `imageLatents`, `context`, `addedTimeIds`.
 */
export function denoisingLoss(w: Weights, config: UNetConfig, batch: LatentBatch): LossGraph {
  const shape = [batch.videos, batch.frames, config.outChannels, batch.height, batch.width]
  const latents = input('latents', shape)
  const noise = input('noise', shape)
  const sigma = input('sigma', [batch.videos])
  const noisy = diffuse(latents, noise, sigma)
  const { cSkip, cOut, cIn } = preconditioning(sigma)
  const output = predict(w, config, noisy, sigma, conditionInputs(config, batch))
  const target = add(mul(noise, cIn), mul(latents, cOut))
  const denoised = add(mul(noisy, cSkip), mul(output, cOut))
  return {
    loss: mean(square(sub(output, target))),
    metrics: { x0Error: mean(square(sub(denoised, latents))) },
    outputs: { denoised },
  }
}

function stepGraph(recipe: TeacherRecipe, set: ParameterSet, config: UNetConfig, batch: LatentBatch): StepGraph {
  const loss = denoisingLoss(set, config, batch)
  return { trained: [{ name: 'unet', set, loss, optimizer: recipe.optimizer }], frozen: [] }
}

/** Trains the multi-step UNet by denoising score matching, under SVD's conditions; sigma is lognormal. */
export const teacher: Objective<TeacherRecipe> = {
  recipe,
  written: () => ['unet'],
  surroundings: unetSurroundings,
  graph(recipe, { json, file, height, width }) {
    const { config, set } = traceUNet(new ParameterSet('unet/'), json, file)
    return stepGraph(recipe, set, config, { videos: recipe.batch, frames: recipe.frames, height, width })
  },
  open,
}

async function open(recipe: TeacherRecipe, opening: Opening): Promise<OpenObjective> {
  const set = new ParameterSet('unet/')
  const start = await startNetwork('unet', recipe.network, recipe.seed, (json, file) => traceUNet(set, json, file))
  const { config, json } = start
  const videos = await LatentVideos.open(opening, recipe, config)
  const one = videos.geometry({ batch: 1, frames: recipe.frames })
  const sampler = opening.scope.own(await opening.engine.load(lower(denoiserGraph(set, config, one))))
  return {
    graph: stepGraph(recipe, set, config, videos.geometry(recipe)),
    initial: { unet: start.initial },
    drawn: videos.drawn,
    fps: videos.fps,
    async draw(random) {
      const batch = await videos.draw(random)
      const sigma = each(random, (sample) => Math.exp(recipe.pMean + recipe.pStd * sample.normals(1)[0]!))
      return { ...batch, sigma, noise: normals(random, batch.latents.length / recipe.batch) }
    },
    async sample({ unet }) {
      const samples: Sample[] = []
      for (let i = 0; i < SAMPLES; i++) {
        const name = `sample ${i}`
        const random = new Random(recipe.seed, name)
        const { batch, decode } = await videos.example(random)
        const { latents, ...condition } = batch
        const sigmas = karrasSigmas(SAMPLE_STEPS)
        const start = random.normals(latents.length).map((n) => n * Math.hypot(sigmas[0]!, 1))
        const clean = await sampleClean(start, { sigmas }, async (x, sigma) => {
          const feeds = { ...unet!.averageFeeds(), ...condition, x, sigma: Float32Array.of(sigma) }
          return (await sampler.run(feeds))['denoised']!
        })
        samples.push({ name, reference: await decode(latents), frames: await decode(clean) })
      }
      return samples
    },
    export: ({ unet }) => saveComponent(recipe.output, 'unet', json, unet!.layout, unet!.average),
  }
}
