import { sfvSigmas } from '../../diffusion/index.js'
import { type Group } from '../../runtime/group.js'
import { type Engine } from '../../runtime/program.js'
import { batchRandom, normals } from '../batch-random.js'
import { GradientProgram } from '../gradient-program.js'
import { consistencyLoss } from '../objectives/consistency.js'
import { learningRate, type RecipeOf } from '../recipe/index.js'
import { type Task } from '../task.js'
import { LatentVideos } from './latent-videos.node.js'
import { oneStepSampler } from './one-step-samples.node.js'
import { Student } from './student.node.js'

/** Consistency distillation: the student is to give at every noise level what its average gives at the one below. */
export async function consistencyTask(recipe: RecipeOf<'consistency'>, engine: Engine, group: Group): Promise<Task> {
  const student = await Student.open(recipe, group)
  const { config, learner } = student
  const videos = await LatentVideos.open(engine, recipe, config)
  const average = student.average()
  const networks = { config, student: student.weights, average: average.weights, teacher: student.teacher }
  const batch = { ...videos.geometry(recipe), rematerialise: recipe.rematerialise }
  const graph = consistencyLoss(networks, batch, recipe.guidance)
  const program = await GradientProgram.open(engine, { ...graph, trained: learner.set })
  const sampler = await oneStepSampler(engine, student, videos, recipe)
  const levels = sfvSigmas(recipe.levels)

  return {
    learners: { student: learner },
    drawn: videos.drawn,
    fps: videos.fps,
    async step(step) {
      const random = batchRandom(recipe.seed, step, recipe.batch, group)
      const weights = { ...student.feeds(), ...average.feeds() }
      const { metrics } = await program.accumulate(recipe.accumulation, async () => {
        const drawn = await videos.draw(random)
        const n = random.map((sample) => sample.integer(levels.length - 1))
        return {
          ...weights,
          ...drawn,
          sigma: Float32Array.from(n, (level) => levels[level + 1]!),
          sigmaNext: Float32Array.from(n, (level) => levels[level]!),
          noise: normals(random, drawn.latents.length / recipe.batch),
        }
      })
      const rate = learningRate(recipe.optimizer.learningRate, step, recipe)
      const gradientNorm = await learner.apply(program.gradients[0]!, rate)
      return { ...metrics, gradientNorm, learningRate: rate }
    },
    sample: () => sampler.sample(),
    export: () => student.export(recipe.output),
    close: async () => {
      await Promise.all([program, sampler].map((part) => part.dispose()))
      await videos.close()
    },
  }
}
