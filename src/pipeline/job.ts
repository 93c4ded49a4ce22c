import { sample, type SamplerProgress } from '../diffusion/index.js'
import type { Picture } from '../media/frames.js'
import type { Program } from '../runtime/program.js'
import { addedTimeIds, embedPicture, encodePicture } from './condition.js'
import { decodeLatents } from './decode.js'
import { denoiser, type Condition } from './denoiser.js'
import type { Network } from './network.js'
import type { Plan, PlannedNetworks } from './plan.js'
import type { ClipPreprocessing } from './preprocess.js'
import type { Stage } from './progress.js'
import type { CheckedSettings } from './settings.js'

/** Is told how far a stage is; may throw to end the work. */
export type Report = (stage: Stage, done: number, total: number) => void

/** One generation: the stages of a plan, each of which reports how far it is. They are called in their order. */
export class Job {
  readonly #opened = new Set<Network>()

  /** @param lowMemory opens each network when its turn comes, and closes it after */
  constructor(
    private readonly settings: CheckedSettings,
    private readonly plan: Plan,
    private readonly networks: PlannedNetworks,
    private readonly lowMemory: boolean,
    private readonly report: Report,
  ) {}

  /**
   * Checks all networks, and opens them unless memory is short, so that what is wrong with a checkpoint shows before any
   * work is done.
   */
  async prepare(): Promise<void> {
    this.report('open', 0, this.networks.all.length)
    await Promise.all(this.networks.all.map((network) => network.check()))
    if (this.lowMemory) return
    for (const network of this.networks.all) await this.#open(network)
  }

  /** @param noise (3, height, width), unit variance: the augmentation's */
  async condition(picture: Picture, noise: Float32Array, preprocessing: ClipPreprocessing): Promise<Condition> {
    const { imageEncoder, vaeEncoder } = this.networks
    const embedding = await this.#with(imageEncoder, (program) => embedPicture(picture, preprocessing, program))
    this.report('encode', 1, 2)
    const { noiseAug } = this.settings
    const imageLatents = await this.#with(vaeEncoder, (program) => encodePicture(picture, noise, noiseAug, program))
    this.report('encode', 2, 2)
    return { embedding, imageLatents, addedTimeIds: addedTimeIds(this.settings) }
  }

  /**
   * @param noise (f, c, h, w), unit variance
   * @returns clean latents (f, c, h, w), scaled
   */
  denoise(condition: Condition, noise: Float32Array): Promise<Float32Array> {
    const { schedule, startSigma, guidance } = this.plan
    const start = noise.map((value) => startSigma * value)
    const onProgress = ({ step, steps }: SamplerProgress) => this.report('denoise', step, steps)
    return this.#with(this.networks.unet, (program) =>
      sample(start, schedule, denoiser(program, condition, guidance), { onProgress }),
    )
  }

  /** Clean latents (f, c, h, w), scaled -> pixels (f, 3, H, W), about [-1, 1], not clamped. */
  decode(latents: Float32Array, scalingFactor: number): Promise<Float32Array> {
    const { chunks } = this.plan
    const decode = async (frames: number, part: Float32Array) => {
      const decoder = await this.#open(this.networks.decoders.get(frames)!)
      return (await decoder.run({ latents: part }))['frames']!
    }
    const onChunk = (done: number) => this.report('decode', done, chunks.length)
    return decodeLatents(latents, scalingFactor, chunks, decode, onChunk)
  }

  async #open(network: Network): Promise<Program> {
    const program = await network.open()
    if (!this.#opened.has(network)) this.report('open', this.#opened.add(network).size, this.networks.all.length)
    return program
  }

  async #with<T>(network: Network, use: (program: Program) => Promise<T>): Promise<T> {
    const result = await use(await this.#open(network))
    if (this.lowMemory) await network.close()
    return result
  }
}
