import { generatorSigmas } from '../../diffusion/index.js'
import { ParameterSet } from '../../nn/weights.js'
import { type Group } from '../../runtime/group.js'
import { type Engine } from '../../runtime/program.js'
import { type Random } from '../../runtime/random.js'
import { batchRandom, normals } from '../batch-random.js'
import { GradientProgram } from '../gradient-program.js'
import { initialValues } from '../initial-values.js'
import { Learner } from '../learner.js'
import { lossesOf } from '../objectives/of-recipe.js'
import { Layout } from '../parameters.js'
import { learningRate, optimizerOf, type AdversarialRecipe } from '../recipe/index.js'
import { type Task } from '../task.js'
import { LatentVideos, type VideoBatch } from './latent-videos.node.js'
import { oneStepSampler } from './one-step-samples.node.js'
import { Student } from './student.node.js'

/** In what adversarial objectives differ besides their losses. */
export interface AdversarialRules {
  /** Draws s', the level that the discriminator sees, where the generator's is `levels[t]` (rising, without sigmaMin). */
  discriminatorSigma(random: Random, t: number, levels: Float64Array): number
  /** Opens another source of real latents than the clips. */
  openReal?(
    student: Student,
    videos: LatentVideos,
  ): Promise<{
    draw(random: readonly Random[]): Promise<VideoBatch>
    dispose(): Promise<void>
  }>
}

/** Fine-tunes the teacher into a one-step generator against heads on its own frozen encoder. */
export async function adversarialTask(
  recipe: AdversarialRecipe,
  rules: AdversarialRules,
  engine: Engine,
  group: Group,
): Promise<Task> {
  const student = await Student.open(recipe, group)
  const { config, learner: generator } = student
  const videos = await LatentVideos.open(engine, recipe, config)
  const heads = new ParameterSet('heads/')
  const headsConfig = { heads: recipe.heads, width: recipe.headWidth, projection: recipe.headProjection }
  const networks = { config, generator: student.weights, backbone: student.teacher, heads, headsConfig }
  const losses = lossesOf(recipe, networks, { ...videos.geometry(recipe), rematerialise: recipe.rematerialise })
  const program = await GradientProgram.open(
    engine,
    { ...losses.generator, trained: generator.set },
    { ...losses.heads, trained: heads },
  )
  const judge = new Learner(heads, initialValues(heads, new Layout(heads.shapes), recipe.seed), {
    optimizer: optimizerOf(recipe.headsOptimizer),
    emaDecay: recipe.ema,
    maxGradientNorm: recipe.maxGradientNorm,
    group,
  })
  const sampler = await oneStepSampler(engine, student, videos, recipe)
  const real = await rules.openReal?.(student, videos)
  const levels = generatorSigmas(recipe.generatorLevels)

  /** Latents with their conditions, noise levels and noise: all that an evaluation needs besides the weights. */
  async function draw(random: readonly Random[]) {
    const batch = await (real ?? videos).draw(random)
    const noise = () => normals(random, batch.latents.length / recipe.batch)
    const t = random.map((sample) => sample.integer(levels.length))
    return {
      ...batch,
      sigma: Float32Array.from(t, (level) => levels[level]!),
      sigmaD: Float32Array.from(t, (level, i) => rules.discriminatorSigma(random[i]!, level, levels)),
      noise: noise(),
      noiseFake: noise(),
      noiseReal: noise(),
    }
  }

  return {
    learners: { generator, heads: judge },
    drawn: videos.drawn,
    fps: videos.fps,
    async step(step) {
      const random = batchRandom(recipe.seed, step, recipe.batch, group)
      const weights = { ...student.feeds(), ...judge.feeds() }
      const { metrics } = await program.accumulate(recipe.accumulation, async () => ({
        ...weights,
        ...(await draw(random)),
      }))
      const [byGenerator, byHeads] = program.gradients as [Float32Array, Float32Array]
      const rate = learningRate(recipe.optimizer.learningRate, step, recipe)
      const gradientNorm = await generator.apply(byGenerator, rate)
      const headsRate = learningRate(recipe.headsOptimizer.learningRate, step, recipe)
      const headsGradientNorm = await judge.apply(byHeads, headsRate)
      return { ...metrics, gradientNorm, headsGradientNorm, learningRate: rate }
    },
    sample: () => sampler.sample(),
    export: () => student.export(recipe.output),
    close: async () => {
      await Promise.all([program, sampler, ...(real ? [real] : [])].map((part) => part.dispose()))
      await videos.close()
    },
  }
}
