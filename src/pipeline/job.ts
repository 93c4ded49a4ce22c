import { sample, sampleConsistency, type Schedule, type SamplerProgress } from '../diffusion/index.js'
import type { Picture } from '../media/frames.js'
import type { Program } from '../runtime/program.js'
import { addedTimeIds, augmented, embedPicture, encodePlanes, planesOf } from './condition.js'
import { decodeLatents } from './decode.js'
import { denoiser, type Condition } from './denoiser.js'
import type { MemoryPlan } from './memory-plan.js'
import type { Model } from './model.js'
import type { Network } from './network.js'
import type { Plan, PlannedNetworks } from './plan.js'
import type { Stage } from './progress.js'
import { padLoop, unpadLoop } from './refine.js'
import { decodeTiled } from './tiles.js'
import type { CheckedSettings } from './settings.js'

/** Is told how far a stage is; may throw to end the work. */
export type Report = (stage: Stage, done: number, total: number) => void

/** What a generation starts from. */
export interface Encoded {
  readonly condition: Condition
  /** Of other pictures, (c, h, w) each, unscaled. */
  readonly latents: readonly Float32Array[]
  /** The picture as the first stage takes it, (channels, height, width). */
  readonly first: Float32Array
}

/** One generation: the stages of a plan, each of which reports how far it is. They are called in their order. */
export class Job {
  readonly #opened = new Set<Network>()

  constructor(
    private readonly settings: CheckedSettings,
    private readonly plan: Plan,
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
   * What the UNet is told of the picture, and the latents of a clip's frames where one is given.
   *
   * @param noise (channels, height, width), unit variance: the augmentation's
   * @param others pictures whose latents are wanted: those of a clip to edit, or where the clip is to begin and end
   * @param base what the others' latents are relative to, where latents are; the picture unless told
   * @returns the condition, the latents of the others, unscaled, and the picture as the first stage takes it
   */
  async encode(
    picture: Picture,
    noise: Float32Array,
    model: Model,
    others: readonly Picture[] = [],
    base = picture,
  ): Promise<Encoded> {
    const { imageEncoder, vaeEncoder } = this.networks
    const { autoencoder, preprocessing } = model
    const total = 2 + others.length
    const embedding = await this.#with(imageEncoder, (program) => embedPicture(picture, preprocessing, program))
    this.report('encode', 1, total)
    const { fps, noiseAug } = this.settings
    const told = addedTimeIds({ fps, noiseAug, motion: this.plan.motion })
    return this.#with(vaeEncoder, async (program) => {
      const first = planesOf(picture, this.plan.geometry, autoencoder)
      const imageLatents = await encodePlanes(augmented(first, noise, noiseAug, autoencoder), program)
      this.report('encode', 2, total)
      const from = base === picture ? first : planesOf(base, this.plan.geometry, autoencoder)
      const latents: Float32Array[] = []
      for (const other of others) {
        latents.push(await encodePlanes(planesOf(other, this.plan.geometry, autoencoder), program, from))
        this.report('encode', 2 + latents.length, total)
      }
      return { condition: { embedding, imageLatents, addedTimeIds: told }, latents, first }
    })
  }

  /**
   * Walks noisy latents down a schedule.
   *
   * @param start (f, c, h, w), at the schedule's first level
   * @param walks steps of the network that the clip takes in all, and those before this walk: for the report
   * @param renoise fresh noise of unit variance for a step (from 1), where the walk is that of a consistency model
   * @returns clean latents (f, c, h, w), scaled
   */
  denoise(
    condition: Condition,
    start: Float32Array,
    schedule: Schedule,
    walks: { readonly done: number; readonly total: number } = { done: 0, total: schedule.timesteps.length },
    renoise?: (step: number) => Float32Array,
  ): Promise<Float32Array> {
    const onProgress = ({ step }: SamplerProgress) => this.report('denoise', walks.done + step, walks.total)
    return this.#with(this.networks.unet, (program) => {
      const denoise = denoiser(program, condition, this.plan.guidance)
      if (renoise) return sampleConsistency(start, schedule, denoise, renoise, { onProgress })
      return sample(start, schedule, denoise, { onProgress })
    })
  }

  /**
   * Clean latents (f, c, h, w), scaled -> pixels (f, channels, H, W), not clamped.
   *
   * @param first the picture that `encode` gave, where latents are relative
   */
  async decode(latents: Float32Array, scalingFactor: number, first?: Float32Array): Promise<Float32Array> {
    const { padding, geometry } = this.plan
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
    const padded = padding === 0 ? latents : padLoop(latents, geometry.frames, padding)
    const decoded = await decodeLatents(padded, scalingFactor, chunks, decode, onChunk)
    return padding === 0 ? decoded : unpadLoop(decoded, geometry.frames, padding)
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
