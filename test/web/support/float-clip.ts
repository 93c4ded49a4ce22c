import type { Picture } from '../../../src/media/frames.js'
import { Job } from '../../../src/pipeline/job.js'
import type { ModelSource } from '../../../src/svd/model-source.js'
import { Model } from '../../../src/svd/model.js'
import { noiseSource } from '../../../src/pipeline/noise.js'
import { closeAll, networksOf, planGeneration } from '../../../src/pipeline/plan.js'
import { parseSettings, type AnimateSettings } from '../../../src/pipeline/settings.js'
import type { Engine } from '../../../src/runtime/program.js'

/** All networks open, as for a small model. */
const HELD = { oneAtATime: false, lean: false, splitGuidance: false, tile: undefined, stages: undefined }

/** A clip before it is rounded to bytes, (f, 3, H, W), about -1 to 1: the same code in Node and in the browser. */
export async function floatClip(
  source: ModelSource,
  engine: Engine,
  picture: Picture,
  asked: AnimateSettings,
): Promise<Float32Array> {
  const model = new Model(source, engine)
  const settings = parseSettings(asked)
  const plan = planGeneration(settings, model)
  const memory = { ...HELD, chunks: plan.chunks }
  const networks = networksOf(plan, memory, model)
  try {
    const job = new Job(model, settings, plan, memory, networks, () => undefined)
    const { frames, height, width, latentHeight, latentWidth } = plan.geometry
    const draw = noiseSource(settings.generator, settings.seed!)
    const pictureNoise = draw('picture', 3 * height * width)
    const values = frames * model.vaeConfig.latentChannels * latentHeight * latentWidth
    const start = draw('latents', values).map((value) => plan.startSigma * value)
    const { condition } = await job.encode(picture, pictureNoise)
    const latents = await job.denoise(condition, start, plan.schedule)
    return await job.decode(latents)
  } finally {
    await closeAll(networks)
  }
}
