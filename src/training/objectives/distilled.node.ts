import { join } from 'node:path'
import { UserError } from '../../errors.js'
import { SVD_SIGMAS } from '../../diffusion/index.js'
import { lower } from '../../graph/lower.js'
import { type ParameterSet } from '../../nn/weights.js'
import { Random } from '../../runtime/random.js'
import { saveCheckpoint } from '../../weights/checkpoint.node.js'
import { LatentVideos } from '../batches/latent-videos.node.js'
import { TeacherSamples } from '../batches/teacher-samples.node.js'
import { initialAdapters, loraTensors } from '../lora/lora.js'
import { mergeLora } from '../lora/merge-lora.node.js'
import { LORA_FILE } from '../../weights/weight-files.js'
import { readConfig, readWeights, saveComponent } from '../output/components.node.js'
import { type Learner } from '../trainer/learner.js'
import { Layout } from '../trainer/parameters.js'
import { denoiserGraph } from './denoiser.js'
import { studentGraph, type Distillation, type DistillationRecipe, type StudentGraph } from './distillation.js'
import { type Feeds, type Objective, type Opening, type OpenObjective, type Sample } from './objective.js'
import { unetSurroundings } from './surroundings.node.js'

const SAMPLES = 3

/** The objective that a distillation of a teacher is: the student begins as the teacher, or as an earlier student. */
export function distilled<R extends DistillationRecipe>(distillation: Distillation<R>): Objective<R> {
  return {
    recipe: distillation.recipe,
    written: ({ lora }) => (lora ? ['student', 'student_lora'] : ['student']),
    surroundings: unetSurroundings,
    graph(recipe, { height, width, ...network }) {
      const { batch: videos, frames, rematerialise } = recipe
      const student = studentGraph(network, recipe.lora)
      return distillation.graph(recipe, student, { videos, frames, height, width, rematerialise })
    },
    open: (recipe, opening) => open(distillation, recipe, opening),
  }
}

/**
 * Reads the teacher of the recipe's model, and its student where the recipe starts from that.
 *
 * @throws UserError when a target of the LoRA is no module of the teacher, or the model has no student to start from.
 */
async function open<R extends DistillationRecipe>(
  distillation: Distillation<R>,
  recipe: R,
  opening: Opening,
): Promise<OpenObjective> {
  const network = await readConfig(recipe.model, 'unet')
  const student = studentGraph(network, recipe.lora)
  const teacher = await readWeights(recipe.model, 'unet', student.teacher)
  const first = await initialStudent(recipe, student.trained, teacher)
  const videos = await LatentVideos.open(opening, recipe, student.config)
  const batch = { ...videos.geometry(recipe), rematerialise: recipe.rematerialise }
  const graph = distillation.graph(recipe, student, batch)
  const frozen = frozenFeeds(graph.frozen, student.teacher, teacher)
  const sample = await oneStepSampler(opening, recipe, student, videos, frozen)
  const real = distillation.fromTeacher
    ? await TeacherSamples.open(opening, student, frozen, videos, recipe as R & TeacherSamples['recipe'])
    : videos
  const rule = distillation.rule(recipe)
  const name = graph.trained[0]!.name
  return {
    graph,
    initial: { [name]: first },
    frozen,
    drawn: videos.drawn,
    fps: videos.fps,
    async draw(random) {
      const drawn = await real.draw(random)
      return { ...drawn, ...rule(random, drawn.latents.length / recipe.batch) }
    },
    sample: (learners) => sample(learners[name]!),
    export: (learners) => saveStudent(recipe, network.json, learners[name]!),
  }
}

/** The values that the student begins with, in the order of `trained`: its own, where those of the teacher are `teacher`. */
async function initialStudent(
  recipe: DistillationRecipe,
  trained: ParameterSet,
  teacher: Float32Array,
): Promise<Float32Array> {
  if (recipe.lora && recipe.start === 'student')
    throw new UserError('recipe field start: a LoRA is trained on the teacher; leave out lora, or start')
  if (recipe.lora) return initialAdapters(trained, recipe.seed)
  return recipe.start === 'student' ? readWeights(recipe.model, 'student', trained) : teacher
}

/**
 * What of the teacher's weights a step holds, under the names that graphs know them by: once, whatever part the teacher plays in
 * them (teacher, backbone of the discriminator, base of the LoRA).
 */
function frozenFeeds(frozen: readonly ParameterSet[], teacher: ParameterSet, values: Float32Array): Feeds {
  const whole = new Layout(teacher.shapes)
  const feeds = frozen.map((set) => {
    const layout = new Layout(set.shapes)
    return layout.views(set === teacher ? values : whole.extract(values, layout), set.prefix)
  })
  return Object.assign({}, ...feeds) as Feeds
}

/**
 * Opens a sampler that shows what the average of a student makes of noise in one forward pass, beside clips of the
 * data.
 */
async function oneStepSampler(
  { engine, scope }: Opening,
  recipe: DistillationRecipe,
  student: StudentGraph,
  videos: LatentVideos,
  frozen: Feeds,
): Promise<(learner: Learner) => Promise<Sample[]>> {
  const one = videos.geometry({ batch: 1, frames: recipe.frames })
  const program = scope.own(await engine.load(lower(denoiserGraph(student.weights, student.config, one))))
  const { sigmaMax } = SVD_SIGMAS
  return async (learner) => {
    const samples: Sample[] = []
    for (let i = 0; i < SAMPLES; i++) {
      const name = `sample ${i}`
      const random = new Random(recipe.seed, name)
      const { batch, decode } = await videos.example(random)
      const { latents, ...condition } = batch
      const x = random.normals(latents.length).map((n) => n * sigmaMax)
      const feeds = { ...frozen, ...learner.averageFeeds(), ...condition, x, sigma: Float32Array.of(sigmaMax) }
      const { denoised } = await program.run(feeds)
      samples.push({ name, reference: await decode(latents), frames: await decode(denoised!) })
    }
    return samples
  }
}

/**
 * Writes the component `student`, float16. Of a LoRA it is the teacher with the update in it; the update itself lies beside it as
 * `student_lora`, which diffusers loads and `sfv merge` takes.
 */
async function saveStudent({ output, model, lora }: DistillationRecipe, json: object, learner: Learner): Promise<void> {
  const { layout, average } = learner
  if (!lora) return saveComponent(output, 'student', json, layout, average)
  const file = join(output, 'student_lora', LORA_FILE)
  await saveCheckpoint(file, loraTensors(layout, average, lora), { dtype: 'F16' })
  await mergeLora(model, file, output, 'F16', true)
}
