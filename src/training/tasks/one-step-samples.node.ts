import { SVD_SIGMAS } from '../../diffusion/index.js'
import { lower } from '../../graph/lower.js'
import { type Engine } from '../../runtime/program.js'
import { Random } from '../../runtime/random.js'
import { type DistillationRecipe } from '../recipe/index.js'
import { type Sample } from '../task.js'
import { type LatentVideos } from './latent-videos.node.js'
import { type Student } from './student.node.js'
import { denoiserGraph } from './unet.js'

const SAMPLES = 3

/**
 * Opens a sampler that shows what the average of a student makes of noise in one forward pass, beside clips of the
 * data.
 */
export async function oneStepSampler(
  engine: Engine,
  student: Student,
  videos: LatentVideos,
  recipe: DistillationRecipe,
): Promise<{ sample(): Promise<Sample[]>; dispose(): Promise<void> }> {
  const one = videos.geometry({ batch: 1, frames: recipe.frames })
  const program = await engine.load(lower(denoiserGraph(student.weights, student.config, one)))
  const { sigmaMax } = SVD_SIGMAS
  const sample = async (name: string): Promise<Sample> => {
    const random = new Random(recipe.seed, name)
    const { batch, decode } = await videos.example(random)
    const { latents, ...condition } = batch
    const x = random.normals(latents.length).map((n) => n * sigmaMax)
    const feeds = { ...student.averageFeeds(), ...condition, x, sigma: Float32Array.of(sigmaMax) }
    const { denoised } = await program.run(feeds)
    return { name, reference: await decode(latents), frames: await decode(denoised!) }
  }
  return {
    async sample() {
      const samples: Sample[] = []
      for (let i = 0; i < SAMPLES; i++) samples.push(await sample(`sample ${i}`))
      return samples
    },
    dispose: () => program.dispose(),
  }
}
