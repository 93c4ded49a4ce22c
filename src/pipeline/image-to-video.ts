import { sample, type SamplerProgress } from '../diffusion/index.js'
import { UserError } from '../errors.js'
import type { ClipContent } from '../media/clip.js'
import type { Picture } from '../media/frames.js'
import { baseName, type Engine, type Program } from '../runtime/program.js'
import { Random } from '../runtime/random.js'
import { addedTimeIds, embedPicture, encodePicture } from './condition.js'
import { decodeLatents } from './decode.js'
import { denoiser, type Condition } from './denoiser.js'
import { fitPicture } from './fit.js'
import { nativeGeometry } from './geometry.js'
import type { ModelSource } from './model-source.js'
import { Model } from './model.js'
import type { Network } from './network.js'
import { networksOf, planGeneration, type Plan, type PlannedNetworks } from './plan.js'
import { toFrames } from './preprocess.js'
import type { AnimateProgress, Stage } from './progress.js'
import { parseSettings, type AnimateSettings, type CheckedSettings } from './settings.js'

/** What `animate` may be told. */
export interface AnimateOptions extends AnimateSettings {
  /** Noise of unit variance that the denoising starts from, (f, c, h, w). Default: drawn from the seed. */
  readonly latents?: Float32Array
  /** Noise of unit variance for the augmentation of the picture, (3, height, width). Default: drawn from the seed. */
  readonly imageNoise?: Float32Array
  readonly onProgress?: (progress: AnimateProgress) => void
  /** Ends the work between two runs of a network, with the signal's reason as the error. */
  readonly signal?: AbortSignal
}

/** How a model is held in memory. */
export interface MemoryOptions {
  /** Open each network when its turn comes and close it after: the least memory, but each clip opens them again. */
  readonly lowMemory?: boolean
}

/** Tells how far a stage is, and throws when the work is to end. */
type Report = (stage: Stage, done: number, total: number) => void

/**
 * Makes clips of pictures: Stable Video Diffusion as `StableVideoDiffusionPipeline` of diffusers 0.29 does it, and with
 * one step SF-V's single forward. It runs wherever its engine runs. Networks stay open for the next clip of the same
 * sizes; calls wait for each other.
 */
export class ImageToVideo {
  readonly #model: Model
  readonly #lowMemory: boolean
  #queue: Promise<unknown> = Promise.resolve()
  #networks: { readonly plan: string; readonly networks: PlannedNetworks } | undefined

  /** @throws UserError when a configuration of the model is not supported. */
  constructor(source: ModelSource, engine: Engine, { lowMemory = false }: MemoryOptions = {}) {
    this.#model = new Model(source, engine)
    this.#lowMemory = lowMemory
  }

  /** The frames and the size in pixels that the model was trained for: what `animate` makes unless told. */
  get native(): { readonly frames: number; readonly height: number; readonly width: number } {
    return nativeGeometry(this.#model.unetConfig('unet'), this.#model.vaeConfig)
  }

  /**
   * Makes a clip of a picture.
   *
   * @throws UserError when a setting is wrong, the model cannot make such a clip, or its weights do not fit its
   *   configuration.
   */
  animate(picture: Picture, options: AnimateOptions = {}): Promise<ClipContent> {
    const clip = this.#queue.then(() => this.#generate(picture, options))
    this.#queue = clip.catch(() => undefined)
    return clip
  }

  /** Closes the networks, once the clips that were asked for are made. */
  async dispose(): Promise<void> {
    await this.#queue
    await closeAll(this.#networks?.networks)
  }

  async #generate(picture: Picture, options: AnimateOptions): Promise<ClipContent> {
    const { latents, imageNoise, onProgress, signal, ...asked } = options
    const report: Report = (stage, done, total) => {
      onProgress?.({ type: 'stage', stage, done, total })
      signal?.throwIfAborted()
    }
    const settings = parseSettings(asked)
    const plan = planGeneration(settings, this.#model)
    if (settings.steps === 1 && plan.component !== 'student') {
      const message = `${this.#model.path} has no student, which is trained for one step; its unet wants about 25 steps`
      onProgress?.({ type: 'warning', message })
    }
    const { frames, height, width, latentHeight, latentWidth } = plan.geometry
    const seed = settings.seed ?? crypto.getRandomValues(new Uint32Array(1))[0]!
    const size = frames * this.#model.vaeConfig.latentChannels * latentHeight * latentWidth
    const pictureNoise =
      given(imageNoise, 3 * height * width, 'imageNoise') ?? normals(seed, 'picture', 3 * height * width)
    const start = given(latents, size, 'latents') ?? normals(seed, 'latents', size)

    const networks = await this.#prepare(plan, report)
    try {
      const fitted = fitPicture(picture, width, height, settings.fit)
      const condition = await this.#condition(fitted, settings, pictureNoise, networks, report)
      const clean = await this.#denoise(plan, condition, start, networks, report)
      const decoded = await this.#decode(plan, clean, networks, report)
      const metadata = describe(settings, plan, seed, this.#model.path)
      return { frames: toFrames(decoded, { height, width }), fps: settings.fps, metadata }
    } finally {
      if (this.#lowMemory) await closeAll(networks)
    }
  }

  /** Checks all networks, and opens them unless memory is short: what is wrong with a checkpoint shows before any work. */
  async #prepare(plan: Plan, report: Report): Promise<PlannedNetworks> {
    const key = JSON.stringify([plan.component, plan.geometry, plan.guidance !== undefined, plan.chunks])
    if (this.#networks?.plan !== key) {
      await closeAll(this.#networks?.networks)
      this.#networks = { plan: key, networks: networksOf(plan, this.#model) }
    }
    const { networks } = this.#networks
    report('open', 0, networks.all.length)
    await Promise.all(networks.all.map((network) => network.check()))
    for (const [i, network] of networks.all.entries()) {
      if (!this.#lowMemory) await network.open()
      report('open', i + 1, networks.all.length)
    }
    return networks
  }

  /** Runs a network; where memory is short, closes it after. */
  async #with<T>(network: Network, use: (program: Program) => Promise<T>): Promise<T> {
    const result = await use(await network.open())
    if (this.#lowMemory) await network.close()
    return result
  }

  async #condition(
    picture: Picture,
    settings: CheckedSettings,
    noise: Float32Array,
    { imageEncoder, vaeEncoder }: PlannedNetworks,
    report: Report,
  ): Promise<Condition> {
    report('encode', 0, 2)
    const embed = (program: Program) => embedPicture(picture, this.#model.preprocessing, program)
    const embedding = await this.#with(imageEncoder, embed)
    report('encode', 1, 2)
    const encode = (program: Program) => encodePicture(picture, noise, settings.noiseAug, program)
    const imageLatents = await this.#with(vaeEncoder, encode)
    report('encode', 2, 2)
    return { embedding, imageLatents, addedTimeIds: addedTimeIds(settings) }
  }

  #denoise(
    { schedule, startSigma, guidance }: Plan,
    condition: Condition,
    noise: Float32Array,
    { unet }: PlannedNetworks,
    report: Report,
  ): Promise<Float32Array> {
    const steps = schedule.timesteps.length
    report('denoise', 0, steps)
    const start = noise.map((value) => startSigma * value)
    const onProgress = ({ step }: SamplerProgress) => report('denoise', step, steps)
    return this.#with(unet, (program) =>
      sample(start, schedule, denoiser(program, condition, guidance), { onProgress }),
    )
  }

  #decode({ chunks }: Plan, latents: Float32Array, { decoders }: PlannedNetworks, report: Report) {
    report('decode', 0, chunks.length)
    const run = async (frames: number, part: Float32Array) => {
      const decoder = await decoders.get(frames)!.open()
      return (await decoder.run({ latents: part }))['frames']!
    }
    const onChunk = (done: number) => report('decode', done, chunks.length)
    return decodeLatents(latents, this.#model.vaeConfig.scalingFactor, chunks, run, onChunk)
  }
}

async function closeAll(networks: PlannedNetworks | undefined): Promise<void> {
  await Promise.all(networks?.all.map((network) => network.close()) ?? [])
}

/** Values that the caller gave, if their number is right. */
function given(values: Float32Array | undefined, size: number, name: string): Float32Array | undefined {
  if (values && values.length !== size) throw new UserError(`${name} has ${values.length} values; give ${size}`)
  return values
}

/** Each use of randomness has a stream of its own, so that none depends on how much another draws. */
function normals(seed: number, stream: string, count: number): Float32Array {
  return new Random(seed, stream).normals(count)
}

/** What a saved clip tells about its making: enough to make it again. */
function describe(settings: CheckedSettings, plan: Plan, seed: number, path: string): Record<string, string> {
  const { steps, motion, noiseAug, fit, minGuidance, maxGuidance } = settings
  return {
    software: 'sfv',
    model: baseName(path),
    seed: `${seed}`,
    steps: `${steps}`,
    motion: `${motion}`,
    noiseAug: `${noiseAug}`,
    fit,
    ...(plan.guidance ? { guidance: `${minGuidance}:${maxGuidance}` } : {}),
  }
}
