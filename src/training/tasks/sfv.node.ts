import { discriminatorNoise, drawSigma, generatorSigmas } from '../../diffusion/index.js'
import { lower } from '../../graph/lower.js'
import { type Frames } from '../../media/frames.js'
import { ParameterSet } from '../../nn/weights.js'
import { type Engine } from '../../runtime/program.js'
import { Random } from '../../runtime/random.js'
import { readConfig, readWeights, saveComponent } from '../components.node.js'
import { GradientProgram } from '../gradient-program.js'
import { Learner } from '../learner.js'
import { discriminatorLoss, generatorLoss, type AdversarialNetworks } from '../objectives/adversarial.js'
import { initialValues } from '../initial-values.js'
import { Layout } from '../parameters.js'
import { learningRate, optimizerOf, type RecipeOf } from '../recipe/index.js'
import { type Task } from '../task.js'
import { LatentVideos, type VideoBatch } from './latent-videos.node.js'
import { denoiserGraph, traceUNet } from './unet.js'

const SAMPLES = 3

/** SF-V: fine-tunes the teacher into a one-step generator against heads on its own frozen encoder. */
export async function sfvTask(recipe: RecipeOf<'sfv'>, engine: Engine): Promise<Task> {
  const videos = await LatentVideos.open(engine, recipe.data, recipe.model, recipe.frames)
  const { json, file } = await readConfig(recipe.model, 'unet')
  const generator = new ParameterSet('generator/')
  const { config } = traceUNet(generator, json, file)
  const initial = await readWeights(recipe.model, 'unet', generator)

  const networks = (): AdversarialNetworks & { backbone: ParameterSet; heads: ParameterSet } => ({
    config,
    generator,
    backbone: new ParameterSet('backbone/'),
    heads: new ParameterSet('heads/'),
    headsConfig: { heads: recipe.heads, width: recipe.headWidth, projection: recipe.headProjection },
  })
  const batch = videos.geometry(recipe)
  const forHeads = networks()
  const headsProgram = await GradientProgram.open(engine, discriminatorLoss(forHeads, batch), forHeads.heads)
  const generatorProgram = await GradientProgram.open(
    engine,
    generatorLoss(networks(), batch, recipe.lambda),
    generator,
  )

  const common = { emaDecay: recipe.ema, maxGradientNorm: recipe.maxGradientNorm }
  const generatorLearner = await Learner.open(engine, generator, initial, {
    ...common,
    optimizer: optimizerOf(recipe.optimizer),
  })
  const headValues = initialValues(forHeads.heads, new Layout(forHeads.heads.shapes), recipe.seed)
  const headsLearner = await Learner.open(engine, forHeads.heads, headValues, {
    ...common,
    optimizer: optimizerOf(recipe.headsOptimizer),
  })
  // The generator starts as the teacher, in the layout of the generator; the backbone keeps those values.
  const backbone = generatorLearner.layout.views(initial, 'backbone/')
  const one = videos.geometry({ batch: 1, frames: recipe.frames })
  const sampler = await engine.load(lower(denoiserGraph(generator, config, one)))

  const levels = generatorSigmas(recipe.generatorLevels)
  const noiseLaw = discriminatorNoise({ pMean: recipe.pMean, pStd: recipe.pStd, count: recipe.discriminatorLevels })
  const draws = (law: () => number) => Float32Array.from({ length: recipe.batch }, law)

  async function generatorStep(batch: VideoBatch, random: Random, step: number) {
    const noise = () => random.normals(batch.latents.length)
    const { metrics, outputs } = await generatorProgram.run({
      ...generatorLearner.feeds(),
      ...headsLearner.feeds(),
      ...backbone,
      ...batch,
      sigma: draws(() => levels[random.integer(levels.length)]!),
      noise: noise(),
      sigmaD: draws(() => drawSigma(noiseLaw, random.uniform())),
      noiseD: noise(),
    })
    const rate = learningRate(recipe.optimizer.learningRate, step, recipe)
    const gradientNorm = await generatorLearner.apply(generatorProgram.gradient, rate)
    return { fake: outputs.fake!, metrics: { ...metrics, gradientNorm, learningRate: rate } }
  }

  async function headsStep(batch: VideoBatch, fake: Float32Array, random: Random, step: number) {
    const noise = () => random.normals(batch.latents.length)
    const { metrics } = await headsProgram.run({
      ...headsLearner.feeds(),
      ...backbone,
      ...batch,
      fake,
      sigmaD: draws(() => drawSigma(noiseLaw, random.uniform())),
      noiseReal: noise(),
      noiseFake: noise(),
    })
    const rate = learningRate(recipe.headsOptimizer.learningRate, step, recipe)
    const headsGradientNorm = await headsLearner.apply(headsProgram.gradient, rate)
    const { loss, ...rest } = metrics
    return { headsLoss: loss!, ...rest, headsGradientNorm }
  }

  return {
    learners: { generator: generatorLearner, heads: headsLearner },
    async step(step) {
      const random = new Random(recipe.seed, `step ${step}`)
      const drawn = await videos.draw(random, recipe, config)
      const { fake, metrics } = await generatorStep(drawn, random, step)
      return { ...metrics, ...(await headsStep(drawn, fake, random, step)) }
    },
    async sample() {
      const rows: Frames[] = []
      for (let i = 0; i < SAMPLES; i++) {
        const random = new Random(recipe.seed, `sample ${i}`)
        const { latents, ...condition } = await videos.draw(random, { ...recipe, batch: 1 }, config)
        const sigma = levels.at(-1)!
        const average = generatorLearner.layout.views(generatorLearner.average, generator.prefix)
        const x = random.normals(latents.length).map((n) => n * sigma)
        const { denoised } = await sampler.run({ ...average, ...condition, x, sigma: Float32Array.of(sigma) })
        rows.push(await videos.stage.decode(latents), await videos.stage.decode(denoised!))
      }
      return rows
    },
    export: () => saveComponent(recipe.output, 'student', json, generatorLearner.layout, generatorLearner.average),
    close: async () => {
      await Promise.all(
        [generatorProgram, headsProgram, generatorLearner, headsLearner, sampler].map((part) => part.dispose()),
      )
      await videos.close()
    },
  }
}
