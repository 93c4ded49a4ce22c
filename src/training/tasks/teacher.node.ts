import { eulerStep, karrasSigmas } from '../../diffusion/index.js'
import { lower } from '../../graph/lower.js'
import { ParameterSet } from '../../nn/weights.js'
import { type Engine } from '../../runtime/program.js'
import { Random } from '../../runtime/random.js'
import { type Group } from '../../runtime/group.js'
import { batchRandom, each, normals } from '../batch-random.js'
import { saveComponent, startNetwork } from '../components.node.js'
import { GradientProgram } from '../gradient-program.js'
import { Learner } from '../learner.js'
import { denoisingLoss } from '../objectives/denoising.js'
import { learningRate, optimizerOf, type RecipeOf } from '../recipe/index.js'
import { type Sample, type Task } from '../task.js'
import { LatentVideos } from './latent-videos.node.js'
import { denoiserGraph, traceUNet } from './unet.js'

const SAMPLES = 3
const SAMPLE_STEPS = 8

/** Trains the multi-step UNet by denoising score matching, under SVD's conditions. */
export async function teacherTask(recipe: RecipeOf<'teacher'>, engine: Engine, group: Group): Promise<Task> {
  const set = new ParameterSet('unet/')
  const start = await startNetwork('unet', recipe.network, recipe.seed, (json, file) => traceUNet(set, json, file))
  const { config } = start
  const videos = await LatentVideos.open(engine, recipe, config)
  const graph = denoisingLoss(set, config, videos.geometry(recipe))
  const program = await GradientProgram.open(engine, { ...graph, trained: set })
  const learner = new Learner(set, start.initial, {
    optimizer: optimizerOf(recipe.optimizer),
    emaDecay: recipe.ema,
    maxGradientNorm: recipe.maxGradientNorm,
    group,
  })
  const one = videos.geometry({ batch: 1, frames: recipe.frames })
  const sampler = await engine.load(lower(denoiserGraph(set, config, one)))

  async function sampleClip(name: string): Promise<Sample> {
    const random = new Random(recipe.seed, name)
    const { batch, decode } = await videos.example(random)
    const { latents, ...condition } = batch
    const sigmas = karrasSigmas(SAMPLE_STEPS)
    let x: Float32Array = random.normals(latents.length).map((n) => n * Math.hypot(sigmas[0]!, 1))
    for (let i = 0; i < SAMPLE_STEPS; i++) {
      const average = learner.layout.views(learner.average, set.prefix)
      const { denoised } = await sampler.run({ ...average, ...condition, x, sigma: Float32Array.of(sigmas[i]!) })
      x = eulerStep(x, denoised!, sigmas[i]!, sigmas[i + 1]!)
    }
    return { name, reference: await decode(latents), frames: await decode(x) }
  }

  return {
    learners: { unet: learner },
    drawn: videos.drawn,
    fps: videos.fps,
    async step(step) {
      const random = batchRandom(recipe.seed, step, recipe.batch, group)
      const { metrics } = await program.accumulate(recipe.accumulation, async () => {
        const batch = await videos.draw(random)
        const sigma = each(random, (sample) => Math.exp(recipe.pMean + recipe.pStd * sample.normals(1)[0]!))
        const noise = normals(random, batch.latents.length / recipe.batch)
        return { ...learner.feeds(), ...batch, sigma, noise }
      })
      const rate = learningRate(recipe.optimizer.learningRate, step, recipe)
      return { ...metrics, gradientNorm: await learner.apply(program.gradients[0]!, rate), learningRate: rate }
    },
    async sample() {
      const samples: Sample[] = []
      for (let i = 0; i < SAMPLES; i++) samples.push(await sampleClip(`sample ${i}`))
      return samples
    },
    export: () => saveComponent(recipe.output, 'unet', start.json, learner.layout, learner.average),
    close: async () => {
      await Promise.all([program.dispose(), sampler.dispose(), videos.close()])
    },
  }
}
