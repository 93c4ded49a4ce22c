import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Program, Values } from '../../src/runtime/program.js'
import { denoiser, type Condition } from '../../src/svd/denoiser.js'
import { ImageToVideo } from '../../src/pipeline/image-to-video.js'
import { Job } from '../../src/pipeline/job.js'
import type { Model } from '../../src/svd/model.js'
import { closeAll, networksOf, planGeneration, type Plan, type PlannedNetworks } from '../../src/pipeline/plan.js'
import { toFrames } from '../../src/svd/preprocess.js'
import { parseSettings, type AnimateSettings } from '../../src/pipeline/settings.js'
import { nodeEngine } from '../../src/runtime/engine.node.js'
import { readJson, relativeError } from '../support/fixture.js'
import { picture, reference, tinyModel, tinySource } from './tiny.js'

const { num_frames: frames, decode_chunk_size: decodeChunk } = readJson<{
  num_frames: number
  decode_chunk_size: number
}>('pipeline-tiny/case.json')

/**
 * Limits on the relative error, as recommended for each number of steps: the later the step, the more rounding adds up.
 */
const LIMITS: Readonly<Record<number, number>> = { 1: 5e-5, 2: 5e-4, 25: 2e-4 }

/** All networks open, as for a small model. */
const HELD = { oneAtATime: false, lean: false, splitGuidance: false, tile: undefined, stages: undefined }

let model: Model
const opened: PlannedNetworks[] = []

beforeAll(async () => {
  model = await tinyModel()
})

afterAll(async () => {
  await Promise.all(opened.map(closeAll))
})

/** A generation with the reference's settings, ready to run. */
function makeJob(changes: AnimateSettings) {
  const settings = parseSettings({ frames, width: 64, height: 64, decodeChunk, ...changes })
  const plan = planGeneration(settings, model)
  const memory = { ...HELD, chunks: plan.chunks }
  const networks = networksOf(plan, memory, model)
  opened.push(networks)
  return { plan, networks, job: new Job(model, settings, plan, memory, networks, () => undefined) }
}

/** The reference's noise at a plan's first level. */
function startOf({ startSigma }: Plan): Float32Array {
  return reference('in.latents').map((value) => startSigma * value)
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length)
  return Array.from(a).reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0)
}

/** A program that records what it is fed. */
function recording(program: Program): Program & { feeds: Record<string, Values>; output: Float32Array } {
  const recorded = { ...program, feeds: {}, output: new Float32Array() } as ReturnType<typeof recording>
  recorded.run = async (feeds) => {
    const outputs = await program.run(feeds)
    Object.assign(recorded, {
      feeds: Object.fromEntries(Object.entries(feeds).map(([name, values]) => [name, values.slice()])),
      output: outputs['output'],
    })
    return outputs
  }
  return recorded
}

describe('what the UNet is told', () => {
  let condition: Condition
  beforeAll(async () => {
    const { job } = makeJob({ steps: 2 })
    condition = (await job.encode(picture, reference('in.image_noise'))).condition
  })

  it('is the CLIP embedding of the picture without noise', () => {
    expect(relativeError(condition.embedding, reference('out.image_embeds'))).toBeLessThan(2e-5)
  })

  it('is the unscaled mean of the picture with noise', () => {
    const expected = reference('out.image_latents')
    expect(relativeError(condition.imageLatents, expected.subarray(expected.length / 2))).toBeLessThan(5e-5)
  })

  it('is laid out as a batch of the unconditional and the conditional clip', async () => {
    const { plan, networks } = makeJob({ steps: 2 })
    const program = recording(await networks.unet.open())
    const input = reference('in.latents').map((value) => (value * plan.startSigma) / Math.sqrt(700 ** 2 + 1))
    const guided = await denoiser(program, condition, plan.guidance)(input, 700, plan.schedule.timesteps[0]!, 0)
    expect(relativeError(program.feeds['sample'] as Float32Array, reference('steps2.unet_in'))).toBeLessThan(5e-5)
    expect(relativeError(program.feeds['context'] as Float32Array, reference('out.image_embeddings'))).toBeLessThan(
      2e-5,
    )
    expect(program.feeds['addedTimeIds']).toEqual(reference('out.added_time_ids'))
    expect(relativeError(program.output, reference('steps2.unet_out'))).toBeLessThan(5e-5)

    const output = reference('steps2.unet_out')
    const scale = reference('out.guidance_scale')
    const half = output.length / 2
    const mixed = input.map((_, i) => {
      const [without, withPicture] = [output[i]!, output[half + i]!]
      return without + scale[Math.floor(i / (half / frames))]! * (withPicture - without)
    })
    expect(relativeError(guided, mixed)).toBeLessThan(2e-4)
  })
})

describe.each([2, 25])('%i steps with guidance', (steps) => {
  it('give the same latents and frames', async () => {
    const { job, plan } = makeJob({ steps })
    expect(Array.from(plan.guidance!)).toEqual(Array.from(reference('out.guidance_scale')))
    const { condition } = await job.encode(picture, reference('in.image_noise'))
    const latents = await job.denoise(condition, startOf(plan), plan.schedule)
    const last = reference(`steps${steps}.latents`).subarray(-latents.length)
    expect(relativeError(latents, last)).toBeLessThan(LIMITS[steps]!)

    const decoded = await job.decode(latents)
    expect(relativeError(channelsFirst(decoded), reference(`steps${steps}.frames_raw`))).toBeLessThan(LIMITS[steps]!)
    const { data } = toFrames(decoded, { width: 64, height: 64 })
    expect(largestDifference(data, reference(`steps${steps}.frames_u8`))).toBeLessThanOrEqual(1)
  })
})

describe('a single forward', () => {
  it('gives the same latents and frames, in chunks and as a whole', async () => {
    const chunked = makeJob({ steps: 1 })
    const { condition } = await chunked.job.encode(picture, reference('in.image_noise'))
    const program = recording(await chunked.networks.unet.open())
    const input = reference('onestep.x').map((value) => value / Math.sqrt(700 ** 2 + 1))
    await denoiser(program, condition)(input, 700, reference('onestep.timestep')[0]!, 0)
    expect(relativeError(program.feeds['sample'] as Float32Array, reference('onestep.model_input'))).toBeLessThan(5e-5)
    expect(relativeError(program.output, reference('onestep.model_output'))).toBeLessThan(5e-5)

    const latents = await chunked.job.denoise(condition, startOf(chunked.plan), chunked.plan.schedule)
    expect(relativeError(latents, reference('onestep.x0'))).toBeLessThan(LIMITS[1]!)
    const inChunks = await chunked.job.decode(latents)
    expect(relativeError(channelsFirst(inChunks), reference('onestep.frames_raw'))).toBeLessThan(LIMITS[1]!)
    const whole = await makeJob({ steps: 1, decodeChunk: frames }).job.decode(latents)
    expect(relativeError(channelsFirst(whole), reference('onestep.frames_raw_one_chunk'))).toBeLessThan(LIMITS[1]!)
  })
})

it('animate goes the same way from the picture to 8-bit frames', async () => {
  const sfv = new ImageToVideo(await tinySource(), nodeEngine({ threads: 1 }))
  const clip = await sfv.animate(picture, {
    ...{ steps: 2, frames, width: 64, height: 64, decodeChunk },
    latents: reference('in.latents'),
    imageNoise: reference('in.image_noise'),
  })
  await sfv.dispose()
  expect(clip.fps).toBe(7)
  expect(largestDifference(clip.frames.data, reference('steps2.frames_u8'))).toBeLessThanOrEqual(1)
})

/** (f, 3, h, w) as the reference has it, (3, f, h, w). */
function channelsFirst(pixels: Float32Array): Float32Array {
  const plane = pixels.length / (frames * 3)
  const out = new Float32Array(pixels.length)
  for (let i = 0; i < frames * 3; i++)
    out.set(pixels.subarray(i * plane, (i + 1) * plane), ((i % 3) * frames + Math.floor(i / 3)) * plane)
  return out
}
