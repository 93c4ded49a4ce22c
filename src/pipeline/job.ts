import { sample, sampleConsistency, type SampleOptions, type Schedule } from '../diffusion/index.js'
import type { Picture } from '../media/frames.js'
import type { Program } from '../runtime/program.js'
import { addedTimeIds, augmented, embedPicture, encodePlanes, planesOf } from '../svd/condition.js'
import { decodeLatents } from '../svd/decode.js'
import { denoiser, type Condition } from '../svd/denoiser.js'
import { fused } from './fuse.js'
import { holdTo, type Held } from './hold.js'
import type { MemoryPlan } from './memory-plan.js'
import type { Model } from '../svd/model.js'
import type { Network } from '../svd/network.js'
import type { NoiseSource } from './noise.js'
import type { Plan, PlannedNetworks } from './plan.js'
import type { Stage } from './progress.js'
import { decodeTiled } from '../svd/tiles.js'
import { diffuse, scheduleFrom, sigmaOfStrength } from './refine.js'
import type { AnySettings, CheckedEdit } from './settings.js'

/** Is told how far a stage is; may throw to end the work. */
export type Report = (stage: Stage, done: number, total: number) => void

/** What a generation starts from. */
export interface Encoded {
  readonly condition: Condition
  /** The same of the picture that a fused clip ends with. */
  readonly backward?: Condition | undefined
  /** Of other pictures, (c, h, w) each, unscaled. */
  readonly latents: readonly Float32Array[]
}

/** What pictures a generation is made of beside the one that it begins with. */
export interface Others {
  /** Pictures whose latents are wanted: those of a clip to edit, or where the clip is to begin and end. */
  readonly known?: readonly Picture[]
  /** What their latents are relative to, where latents are; the picture unless told. */
  readonly base?: Picture | undefined
  /** What the UNet is told of where the clip is made backwards. */
  readonly backward?: Picture | undefined
  /** What the image encoder sees in place of the picture. */
  readonly shown?: Picture | undefined
  /** The picture's latents, scaled, where they are known. */
  readonly latents?: Float32Array | undefined
}

/** How a walk differs from the usual. */
export interface Walk extends Pick<SampleOptions, 'hold' | 'resample'> {
  /** What the UNet is told backwards, where two directions are fused. */
  readonly backward?: Condition | undefined
  /** Fresh noise of unit variance for a step (from 1), where each level is reached by noising anew. */
  readonly renoise?: ((step: number) => Float32Array) | undefined
}

/**
 * The way of a picture to a clip, stage by stage: `encode` prepares it for the networks and runs these, `denoiseClip` walks from
 * noise, `decode` makes pixels. Each stage reports how far it is. They are called in their order.
 */
export class Job {
  readonly #opened = new Set<Network>()

  constructor(
    readonly model: Model,
    readonly settings: AnySettings | CheckedEdit,
    readonly plan: Plan,
    private readonly memory: MemoryPlan,
    private readonly networks: PlannedNetworks,
    private readonly report: Report,
  ) {}

  /**
   * Checks all networks, and opens them unless memory is short, so that what is wrong with a checkpoint shows before any
   * work is done.
   */
  async prepare(): Promise<void> {
    this.report('open', 0, this.networks.all.length)
    await Promise.all(this.networks.all.map((network) => network.check()))
    if (this.memory.oneAtATime) return
    for (const network of this.networks.all) await this.#open(network)
  }

  /**
   * What the UNet is told of the picture, and the latents of other pictures where they are wanted.
   *
   * @param noise (channels, height, width), unit variance: the augmentation's
   */
  async encode(
    picture: Picture,
    noise: Float32Array,
    { known = [], base = picture, backward, shown = picture, latents: own }: Others = {},
  ): Promise<Encoded> {
    const { imageEncoder, vaeEncoder } = this.networks
    const { autoencoder, preprocessing } = this.model
    const both = backward && backward !== picture ? [picture, backward] : [picture]
    const total = 2 * both.length + known.length
    let done = 0
    const count = <T>(result: T): T => (this.report('encode', ++done, total), result)
    const { fps, noiseAug } = this.settings
    const told = addedTimeIds({ fps, noiseAug, motion: this.plan.motion })
    const embeddings = await this.#with(imageEncoder, (program) =>
      inTurn(both, async (each) => count(await embedPicture(each === picture ? shown : each, preprocessing, program))),
    )
    return this.#with(vaeEncoder, async (program) => {
      const planes = new Map<Picture, Float32Array>()
      const planesOfEach = (each: Picture) => {
        const made = planes.get(each) ?? planesOf(each, this.plan.geometry, autoencoder)
        planes.set(each, made)
        return made
      }
      const conditions = await inTurn(both, async (each, i): Promise<Condition> => {
        const noisy = () => augmented(planesOfEach(each), noise, noiseAug, autoencoder)
        const imageLatents =
          own && each === picture
            ? own.map((value) => value / autoencoder.config.scalingFactor)
            : await encodePlanes(noisy(), program)
        return { embedding: embeddings[i]!, imageLatents: count(imageLatents), addedTimeIds: told }
      })
      const from = planesOfEach(base)
      const encoded = new Map<Picture, Float32Array>()
      const latents = await inTurn(known, async (each) => {
        const made = encoded.get(each) ?? (await encodePlanes(planesOfEach(each), program, from))
        encoded.set(each, made)
        return count(made)
      })
      return {
        condition: conditions[0]!,
        backward: backward && conditions.at(-1)!,
        latents,
      }
    })
  }

  /**
   * Latents of pictures, (c, h, w) each, unscaled.
   *
   * @param base what they are relative to, where latents are
   */
  latentsOf(pictures: readonly Picture[], base: Picture, { autoencoder }: Model): Promise<Float32Array[]> {
    const planes = (each: Picture) => planesOf(each, this.plan.geometry, autoencoder)
    return this.#with(this.networks.vaeEncoder, (program) =>
      inTurn(pictures, async (each) => Float32Array.from(await encodePlanes(planes(each), program, planes(base)))),
    )
  }

  /**
   * Walks noisy latents down a schedule.
   *
   * @param start (f, c, h, w), at the schedule's first level
   * @returns clean latents (f, c, h, w), scaled
   */
  denoise(
    condition: Condition,
    start: Float32Array,
    schedule: Schedule,
    { backward, renoise, hold, resample }: Walk = {},
  ): Promise<Float32Array> {
    const { guidance, geometry } = this.plan
    const onProgress: SampleOptions['onProgress'] = ({ step, steps }) => this.report('denoise', step, steps)
    return this.#with(this.networks.unet, (program) => {
      const forward = denoiser(program, condition, guidance)
      const denoise = backward ? fused(forward, denoiser(program, backward, guidance), geometry.frames) : forward
      const options = { onProgress, hold, resample }
      return renoise
        ? sampleConsistency(start, schedule, denoise, renoise, options)
        : sample(start, schedule, denoise, options)
    })
  }

  /**
   * Clean latents (f, c, h, w), scaled -> pixels (f, channels, H, W), not clamped.
   *
   * @param first the picture as the first stage takes it, (channels, height, width), where latents are relative to it
   */
  async decode(latents: Float32Array, first?: Float32Array): Promise<Float32Array> {
    const { geometry } = this.plan
    const { chunks, tile } = this.memory
    const { latentHeight, latentWidth, height: pixels } = geometry
    const size = { height: latentHeight, width: latentWidth }
    const decode = async (frames: number, part: Float32Array) => {
      const decoder = await this.#open(this.networks.decoders.get(frames)!)
      const feeds = first ? { first } : undefined
      const run = async (latents: Float32Array) => (await decoder.run({ latents, ...feeds }))['frames']!
      return tile ? decodeTiled(part, frames, size, tile, pixels / latentHeight, run) : run(part)
    }
    const onChunk = (done: number) => this.report('decode', done, chunks.length)
    return decodeLatents(latents, this.model.vaeConfig.scalingFactor, chunks, decode, onChunk)
  }

  async #open(network: Network): Promise<Program> {
    const program = await network.open()
    if (!this.#opened.has(network)) this.report('open', this.#opened.add(network).size, this.networks.all.length)
    return program
  }

  async #with<T>(network: Network, use: (program: Program) => Promise<T>): Promise<T> {
    const result = await use(await this.#open(network))
    if (this.memory.oneAtATime) await network.close()
    return result
  }
}

/** What a walk is told and knows. */
export interface Known extends Pick<Encoded, 'condition' | 'backward'> {
  /** Latents of a clip that it begins with under noise, scaled, (f, c, h, w); none: it begins with noise. */
  readonly clip?: Float32Array | undefined
  /** What it is held to; the later ones come above the earlier ones. */
  readonly held: readonly Held[]
}

/**
 * The walk from noise, or from a clip under noise: one to edit, or a rough one to follow.
 *
 * @param noise of unit variance, (f, c, h, w), that the walk begins with
 * @param draw makes what further noise is wanted, in the order in which it is
 * @returns clean latents (f, c, h, w), scaled
 */
export function denoiseClip(
  job: Job,
  noise: Float32Array,
  draw: NoiseSource,
  { condition, backward, clip, held }: Known,
): Promise<Float32Array> {
  const { plan, settings } = job
  const { scheduler } = job.model
  const schedule =
    'strength' in settings
      ? scheduleFrom(sigmaOfStrength(settings.strength, scheduler), settings.steps, scheduler)
      : plan.schedule
  const start = clip ? diffuse(clip, noise, schedule.sigmas[0]!) : noise.map((value) => plan.startSigma * value)
  const anew = plan.sampler === 'consistency' || schedule.renoising !== undefined
  const holds = held.map((each) => holdTo(each, noise, plan.geometry.frames))
  return job.denoise(condition, start, schedule, {
    backward,
    renoise: anew ? (step) => draw(`renoise ${step}`, noise.length) : undefined,
    hold: (...after) => holds.forEach((hold) => hold(...after)),
    resample:
      plan.resampled > 0
        ? { steps: plan.resampled, times: 1, noise: (step) => draw(`resample ${step}`, noise.length) }
        : undefined,
  })
}

/** Does the same with each, one after the other. */
async function inTurn<T, R>(all: readonly T[], each: (one: T, index: number) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  for (const [index, one] of all.entries()) results.push(await each(one, index))
  return results
}
