import { createHash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { karrasSigmas, sampleClean } from '../../diffusion/index.js'
import { lower } from '../../graph/lower.js'
import { input } from '../../graph/ops/index.js'
import { type Program } from '../../runtime/program.js'
import { Random } from '../../runtime/random.js'
import { Checkpoint, saveCheckpoint } from '../../weights/checkpoint.node.js'
import { conditionInputs, guidedDenoise } from '../objectives/denoiser.js'
import { type LatentVideos, type VideoBatch } from './latent-videos.node.js'
import { type StudentGraph } from '../objectives/distillation.js'
import { type LaddRecipe } from '../objectives/ladd.js'
import { type Feeds, type Opening } from '../objectives/objective.js'

/**
 * A pool of latent videos that the teacher generates, with guidance, under the conditions of clips: sample i follows
 * from (seed, i). Each is made when it is first drawn, and kept on disk beside the clips.
 */
export class TeacherSamples {
  private constructor(
    readonly recipe: LaddRecipe,
    private readonly teacher: Feeds,
    private readonly videos: LatentVideos,
    private readonly program: Program,
    private readonly folder: string,
  ) {}

  /** Opens the teacher's graph. The pool's folder is named for all that its samples depend on. */
  static async open(
    { engine, scope }: Opening,
    { config, teacher }: StudentGraph,
    weights: Feeds,
    videos: LatentVideos,
    recipe: LaddRecipe,
  ): Promise<TeacherSamples> {
    const one = videos.geometry({ batch: 1, frames: recipe.frames })
    const x = input('x', [1, one.frames, config.outChannels, one.height, one.width])
    const condition = conditionInputs(config, one)
    const denoised = guidedDenoise(teacher, config, x, input('sigma', [1]), condition, recipe.guidance)
    const program = scope.own(await engine.load(lower({ denoised })))
    const hash = createHash('sha256')
    hash.update(JSON.stringify({ steps: recipe.teacherSteps, guidance: recipe.guidance, videos: videos.name }))
    for (const name of teacher.parameters.keys()) {
      const { buffer, byteOffset, byteLength } = weights[teacher.prefix + name]!
      hash.update(new Uint8Array(buffer, byteOffset, byteLength))
    }
    const folder = join(recipe.data, `teacher-${hash.digest('hex').slice(0, 12)}`)
    return new TeacherSamples(recipe, weights, videos, program, folder)
  }

  /** A batch of a random sample of the pool for each generator. */
  async draw(random: readonly Random[]): Promise<VideoBatch> {
    const samples: VideoBatch[] = []
    for (const each of random) samples.push(await this.sample(each.integer(this.recipe.teacherSamples)))
    const names = Object.keys(samples[0]!) as (keyof VideoBatch)[]
    const joined = (name: keyof VideoBatch) => Float32Array.from(samples.flatMap((sample) => [...sample[name]!]))
    return Object.fromEntries(names.map((name) => [name, joined(name)])) as unknown as VideoBatch
  }

  private async sample(i: number): Promise<VideoBatch> {
    const file = join(this.folder, `${String(i).padStart(6, '0')}.safetensors`)
    const exists = await stat(file).then(
      () => true,
      () => false,
    )
    if (!exists) {
      const tensors = Object.entries(await this.generate(i))
      const named = tensors.map(([name, data]: [string, Float32Array]) => ({ name, shape: [data.length], data }))
      await saveCheckpoint(file, named)
    }
    // Kept in float32: what is read is what was made.
    const checkpoint = await Checkpoint.open(file)
    return Object.fromEntries(await checkpoint.readAll()) as unknown as VideoBatch
  }

  private async generate(i: number): Promise<VideoBatch> {
    const random = new Random(this.recipe.seed, `teacher sample ${i}`)
    const { latents, ...condition } = await this.videos.draw([random])
    const sigmas = karrasSigmas(this.recipe.teacherSteps)
    const start = random.normals(latents.length).map((n) => n * sigmas[0]!)
    const feeds = { ...this.teacher, ...condition }
    const clean = await sampleClean(start, { sigmas }, async (x, sigma) => {
      return (await this.program.run({ ...feeds, x, sigma: Float32Array.of(sigma) }))['denoised']!
    })
    return { latents: clean, ...condition }
  }
}
