import { discriminatorNoise, drawSigma, generatorSigmas } from '../../diffusion/index.js'
import { lower } from '../../graph/lower.js'
import { ParameterSet } from '../../nn/weights.js'
import { type Engine } from '../../runtime/program.js'
import { Random } from '../../runtime/random.js'
import { type Group } from '../../runtime/group.js'
import { batchRandom, each, normals } from '../batch-random.js'
import { readConfig, readWeights, saveComponent } from '../components.node.js'
import { GradientProgram } from '../gradient-program.js'
import { Learner } from '../learner.js'
import { initialValues } from '../initial-values.js'
import { adversarialLosses } from '../objectives/adversarial.js'
import { Layout } from '../parameters.js'
import { learningRate, optimizerOf, type RecipeOf } from '../recipe/index.js'
import { type Sample, type Task } from '../task.js'
import { LatentVideos } from './latent-videos.node.js'
import { denoiserGraph, traceUNet } from './unet.js'

const SAMPLES = 3

/** SF-V: fine-tunes the teacher into a one-step generator against heads on its own frozen encoder. */
export async function sfvTask(recipe: RecipeOf<'sfv'>, engine: Engine, group: Group): Promise<Task> {
  const videos = await LatentVideos.open(engine, recipe.data, recipe.model, recipe.frames)
  const { json, file } = await readConfig(recipe.model, 'unet')
  const generator = new ParameterSet('generator/')
  const { config } = traceUNet(generator, json, file)
  const initial = await readWeights(recipe.model, 'unet', generator)

  const backbone = new ParameterSet('backbone/')
  const heads = new ParameterSet('heads/')
  const headsConfig = { heads: recipe.heads, width: recipe.headWidth, projection: recipe.headProjection }
  const networks = { config, generator, backbone, heads, headsConfig }
  const losses = adversarialLosses(networks, videos.geometry(recipe), recipe)
  const program = await GradientProgram.open(
    engine,
    { ...losses.generator, trained: generator },
    { ...losses.heads, trained: heads },
  )

  const common = { emaDecay: recipe.ema, maxGradientNorm: recipe.maxGradientNorm, group }
  const generatorLearner = await Learner.open(engine, generator, initial, {
    ...common,
    optimizer: optimizerOf(recipe.optimizer),
  })
  const headValues = initialValues(heads, new Layout(heads.shapes), recipe.seed)
  const headsLearner = await Learner.open(engine, heads, headValues, {
    ...common,
    optimizer: optimizerOf(recipe.headsOptimizer),
  })
  // The generator starts as the teacher, in the layout of the generator; the backbone keeps those values.
  const frozen = generatorLearner.layout.views(initial, backbone.prefix)
  const one = videos.geometry({ batch: 1, frames: recipe.frames })
  const sampler = await engine.load(lower(denoiserGraph(generator, config, one)))

  const levels = generatorSigmas(recipe.generatorLevels)
  const noiseLaw = discriminatorNoise({ pMean: recipe.pMean, pStd: recipe.pStd, count: recipe.discriminatorLevels })

  /** Latents with their conditions, noise levels and noise: all that an evaluation needs besides the weights. */
  async function draw(random: readonly Random[]) {
    const batch = await videos.draw(random, recipe, config)
    const noise = () => normals(random, batch.latents.length / recipe.batch)
    return {
      ...batch,
      sigma: each(random, (sample) => levels[sample.integer(levels.length)]!),
      sigmaD: each(random, (sample) => drawSigma(noiseLaw, sample.uniform())),
      noise: noise(),
      noiseFake: noise(),
      noiseReal: noise(),
    }
  }

  return {
    learners: { generator: generatorLearner, heads: headsLearner },
    drawn: videos.drawn,
    fps: videos.store.fps,
    async step(step) {
      const random = batchRandom(recipe.seed, step, recipe.batch, group)
      const weights = { ...generatorLearner.feeds(), ...headsLearner.feeds(), ...frozen }
      const { metrics } = await program.accumulate(recipe.accumulation, async () => ({
        ...weights,
        ...(await draw(random)),
      }))
      const [byGenerator, byHeads] = program.gradients as [Float32Array, Float32Array]
      const rate = learningRate(recipe.optimizer.learningRate, step, recipe)
      const gradientNorm = await generatorLearner.apply(byGenerator, rate)
      const headsRate = learningRate(recipe.headsOptimizer.learningRate, step, recipe)
      const headsGradientNorm = await headsLearner.apply(byHeads, headsRate)
      return { ...metrics, gradientNorm, headsGradientNorm, learningRate: rate }
    },
    async sample() {
      const samples: Sample[] = []
      for (let i = 0; i < SAMPLES; i++) {
        const name = `sample ${i}`
        const random = new Random(recipe.seed, name)
        const { latents, ...condition } = await videos.draw([random], recipe, config)
        const sigma = levels.at(-1)!
        const average = generatorLearner.layout.views(generatorLearner.average, generator.prefix)
        const x = random.normals(latents.length).map((n) => n * sigma)
        const { denoised } = await sampler.run({ ...average, ...condition, x, sigma: Float32Array.of(sigma) })
        const [reference, frames] = [await videos.stage.decode(latents), await videos.stage.decode(denoised!)]
        samples.push({ name, reference, frames })
      }
      return samples
    },
    export: () => saveComponent(recipe.output, 'student', json, generatorLearner.layout, generatorLearner.average),
    close: async () => {
      await Promise.all([program, generatorLearner, headsLearner, sampler].map((part) => part.dispose()))
      await videos.close()
    },
  }
}
