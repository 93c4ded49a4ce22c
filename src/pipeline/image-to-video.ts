import { UserError } from '../errors.js'
import type { ClipContent } from '../media/clip.js'
import { frameAt, type Picture } from '../media/frames.js'
import { controlsFor, endsOf, pinEnds } from './ends.js'
import { checkFrames, checkPicture, nameOfValue } from '../media/picture.js'
import { baseName, type Engine } from '../runtime/program.js'
import { denoiseClip } from './denoise-clip.js'
import type { Precision } from './device-traits.js'
import { isFiniteArray } from './finite.js'
import { fitPicture } from './fit.js'
import { nativeGeometry } from './geometry.js'
import { Job } from './job.js'
import { describeMemory, planMemory, type MemoryLimits, type MemoryPlan } from './memory-plan.js'
import type { ModelSource } from './model-source.js'
import { Model } from './model.js'
import { noiseSource } from './noise.js'
import { closeAll, networksOf, planGeneration, type Plan, type PlannedNetworks } from './plan.js'
import { toFrames, toFramesWithAlpha } from './preprocess.js'
import type { AnimateProgress } from './progress.js'
import {
  editSchema,
  parseSettings,
  type AnimateSettings,
  type CheckedEdit,
  type CheckedSettings,
  type EditSettings,
} from './settings.js'

/** What the making of any clip may be told beside its settings. */
export interface MakingOptions {
  /** Noise of unit variance that the denoising starts from, (f, c, h, w). Default: drawn from the seed. */
  readonly latents?: Float32Array
  /** Noise of unit variance for the augmentation of the picture, (3, height, width). Default: drawn from the seed. */
  readonly imageNoise?: Float32Array
  readonly onProgress?: (progress: AnimateProgress) => void
  /** Ends the work between two runs of a network, with the signal's reason as the error. */
  readonly signal?: AbortSignal
}

/** What `animate` may be told. */
export interface AnimateOptions extends AnimateSettings, MakingOptions {
  /** What the clip ends with, for models that take an end frame; may still be read. */
  readonly end?: Picture | Promise<Picture>
}

/** What `edit` may be told. */
export interface EditOptions extends EditSettings, MakingOptions {}

/** What `edit` changes: the frames of a clip, their opacity where it has any, and their rate. */
export type MovingPictures = Pick<ClipContent, 'frames' | 'alpha' | 'fps'>

/** How a model is held in memory, and computed. */
export interface MemoryOptions {
  /**
   * What networks are computed in; `auto` is float16 where the device has it, else float32. The VAE stays in float32 where
   * its configuration says `force_upcast`. Default: float32.
   */
  readonly precision?: Precision
  /**
   * Open each network when its turn comes and close it before the next one's does: the least memory, but each clip opens them
   * again. The last one, the decoder, is closed by the next clip or by `dispose`: closing takes as long as opening.
   */
  readonly lowMemory?: boolean
  /**
   * Bytes that may be used: decides how many frames are decoded together, and whether in tiles; a clip that would need more is
   * refused. Without, what is `available` is the limit of a model of more than 256 MB.
   */
  readonly memory?: number | undefined
  /** Bytes that the system has free. */
  readonly available?: number | undefined
}

/**
 * Makes clips of pictures: Stable Video Diffusion as `StableVideoDiffusionPipeline` of diffusers 0.29 does it, and with
 * one step SF-V's single forward. It runs wherever its engine runs. Networks stay open for the next clip of the same
 * sizes; calls wait for each other.
 */
export class ImageToVideo {
  readonly #model: Model
  readonly #lowMemory: boolean
  readonly #limits: MemoryLimits
  #queue: Promise<unknown> = Promise.resolve()
  #last: { readonly shape: string; readonly networks: PlannedNetworks } | undefined

  /** @throws UserError when a configuration of the model is not supported. */
  constructor(source: ModelSource, engine: Engine, options: MemoryOptions = {}) {
    const { precision, lowMemory = false, memory, available } = options
    this.#model = new Model(source, engine, precision)
    this.#lowMemory = lowMemory
    this.#limits = { budget: memory, available, onHost: engine.device === 'cpu' }
  }

  /** The frames and the size in pixels that the model was trained for: what `animate` makes unless told. */
  get native(): { readonly frames: number; readonly height: number; readonly width: number } {
    return nativeGeometry(this.#model.unetConfig('unet'), this.#model.vaeConfig)
  }

  /**
   * Makes a clip of a picture, which may still be read: calls keep their order, whichever picture is there first.
   *
   * @throws UserError when a setting is wrong, the model cannot make such a clip, or its weights do not fit its
   *   configuration.
   */
  animate(picture: Picture | Promise<Picture>, options: AnimateOptions = {}): Promise<ClipContent> {
    const { end, ...rest } = options
    const [making, asked] = split(rest)
    return this.#queued(making, Promise.all([picture, end]), ([picture, end]) => {
      checkPicture(picture, 'the picture')
      if (end) checkPicture(end, 'the end frame')
      return this.#make(picture, parseSettings(asked), making, end && { end })
    })
  }

  /**
   * Carries a change of a clip's first frame through the clip, in one forward: the clip's latents are noised to a level
   * that the generator knows, and denoised under the changed frame. Of a longer clip the first frames are taken, as many
   * as the model makes. The rate is the clip's own unless told.
   *
   * @param firstFrame the clip's first frame, changed
   * @throws UserError as `animate` does, and when the clip is shorter than the frames that are asked for.
   */
  edit(
    clip: MovingPictures | Promise<MovingPictures>,
    firstFrame: Picture | Promise<Picture>,
    options: EditOptions = {},
  ): Promise<ClipContent> {
    const [making, asked] = split(options)
    return this.#queued(making, Promise.all([clip, firstFrame]), ([clip, firstFrame]) => {
      checkPicture(firstFrame, 'the first frame')
      checkMoving(clip)
      const { count } = clip.frames
      const { fps = clip.fps, frames = Math.min(count, this.native.frames) } = asked
      const settings = parseSettings({ ...asked, fps, frames }, undefined, editSchema)
      if (settings.frames! > count)
        throw new UserError(`frames is ${settings.frames}, but the clip has ${count}; ask for at most as many`)
      return this.#make(firstFrame, settings, making, { original: clip })
    })
  }

  /** Closes the networks, once the clips that were asked for are made. */
  async dispose(): Promise<void> {
    await this.#queue
    await closeAll(this.#last?.networks)
  }

  /** Makes clips one after another, once what they are made of is there; one that was given up while it waited is not begun. */
  #queued<T>(
    { signal }: MakingOptions,
    reading: Promise<T>,
    make: (given: T) => Promise<ClipContent>,
  ): Promise<ClipContent> {
    // Whoever waits is told when it is the clip's turn.
    reading.catch(() => undefined)
    const clip = this.#queue.then(async () => {
      const read = await reading
      signal?.throwIfAborted()
      return make(read)
    })
    this.#queue = clip.catch(() => undefined)
    return clip
  }

  async #make(
    picture: Picture,
    settings: CheckedSettings | CheckedEdit,
    { latents, imageNoise, onProgress, signal }: MakingOptions,
    { original, end }: { readonly original?: MovingPictures; readonly end?: Picture } = {},
  ): Promise<ClipContent> {
    const model = this.#model
    const plan = planGeneration(settings, model)
    const isStudent = plan.component !== 'unet' || settings.network !== undefined || plan.sampler === 'consistency'
    if (settings.steps === 1 && !isStudent) {
      const message = `${model.path} has no student, which is trained for one step; its unet wants about 25 steps, and one will be blurred`
      onProgress?.({ type: 'warning', message })
    }
    const { frames, height, width, latentHeight, latentWidth } = plan.geometry
    const seed = settings.seed ?? crypto.getRandomValues(new Uint32Array(1))[0]!
    const pixels = model.autoencoder.channels * height * width
    const draw = noiseSource(settings.generator, seed)
    const pictureNoise = given(imageNoise, pixels, 'imageNoise') ?? draw('picture', pixels)
    const values = frames * model.vaeConfig.latentChannels * latentHeight * latentWidth
    const noise = given(latents, values, 'latents') ?? draw('latents', values)
    const fitted = (image: Picture) => fitPicture(image, width, height, settings.fit)
    const first = fitted(picture)
    const ends = endsOf(plan, model, first, end && fitted(end))
    const clip = original
      ? Array.from({ length: frames }, (_, i) => fitted(frameAt(original.frames, i, original.alpha)))
      : ends

    const memory = await planMemory(plan, model, this.#limits, settings.decodeChunk)
    const held = describeMemory(memory, plan)
    if (held !== undefined) onProgress?.({ type: 'memory', message: held, plan: memory })
    const oneAtATime = this.#lowMemory || memory.oneAtATime
    const networks = await this.#networksFor(plan, memory)
    if (oneAtATime) await closeAll(networks)
    const job = new Job(settings, plan, { ...memory, oneAtATime }, networks, (stage, done, total) => {
      onProgress?.({ type: 'stage', stage, done, total })
      signal?.throwIfAborted()
    })
    await job.prepare()
    const encoded = await job.encode(first, pictureNoise, model, clip, original && clip[0])
    const known = original ? [] : encoded.latents
    const condition = { ...encoded.condition, controls: controlsFor(plan, model, known) }
    const clean = await denoiseClip(job, plan, model, settings, noise, draw, { ...encoded, condition })
    pinEnds(clean, known, model.vaeConfig.scalingFactor)
    const shown = plan.loop === 'end frame' ? clean.subarray(0, clean.length - clean.length / frames) : clean
    const relative = model.autoencoder.relative ? encoded.first : undefined
    const decoded = await job.decode(shown, model.vaeConfig.scalingFactor, relative)
    const metadata = describe(settings, plan, seed, model.path)
    const made =
      model.autoencoder.pixels === 'rgb'
        ? { frames: toFrames(decoded, { height, width }) }
        : toFramesWithAlpha(decoded, { height, width }, !first.alpha && !original?.alpha)
    return { ...made, fps: settings.fps, metadata }
  }

  /** The networks of the last clip, if this one is of the same shape; else new ones in their place. */
  async #networksFor(plan: Plan, memory: MemoryPlan): Promise<PlannedNetworks> {
    const shape = JSON.stringify([plan.component, plan.geometry, plan.guidance !== undefined, memory])
    if (this.#last?.shape !== shape) {
      await closeAll(this.#last?.networks)
      this.#last = { shape, networks: networksOf(plan, memory, this.#model) }
    }
    return this.#last.networks
  }
}

/**
 * Holds a value against what `edit` changes.
 *
 * @throws UserError naming what it is.
 */
export function checkMoving(clip: MovingPictures | undefined): asserts clip is MovingPictures {
  if (!clip?.frames) throw new UserError(`the clip is ${nameOfValue(clip)}; give its frames and fps`)
  checkFrames(clip.frames, 'the clip')
  const { count, height, width } = clip.frames
  if (clip.alpha && clip.alpha.length !== count * height * width) {
    const size = `${count} pictures of ${width}x${height}`
    throw new UserError(`the clip's alpha has ${clip.alpha.length} bytes where ${size} have ${count * height * width}`)
  }
}

/** Options apart: how the work goes, and what is asked for. */
function split<T extends MakingOptions>(options: T): [MakingOptions, Omit<T, keyof MakingOptions>] {
  const { latents, imageNoise, onProgress, signal, ...asked } = options
  return [{ latents, imageNoise, onProgress, signal }, asked]
}

/** Values that the caller gave, if their number is right and all are finite. */
function given(values: Float32Array | undefined, size: number, name: string): Float32Array | undefined {
  if (values && values.length !== size) throw new UserError(`${name} has ${values.length} values; give ${size}`)
  if (values && !isFiniteArray(values)) throw new UserError(`${name} has values that are no numbers; give finite ones`)
  return values
}

/** What a saved clip tells about its making: enough to make it again. */
function describe(
  settings: CheckedSettings | CheckedEdit,
  plan: Plan,
  seed: number,
  path: string,
): Record<string, string> {
  const { steps, noiseAug, fit, loop } = settings
  return {
    software: 'sfv',
    model: baseName(path),
    seed: `${seed}`,
    ...(settings.generator === 'sfv' ? {} : { generator: settings.generator }),
    network: plan.component,
    steps: `${steps}`,
    ...(plan.sampler === 'euler' ? {} : { sampler: plan.sampler }),
    motion: `${plan.motion}`,
    noiseAug: `${noiseAug}`,
    fit,
    ...(plan.guidance ? { guidance: `${settings.minGuidance}:${plan.maxGuidance}` } : {}),
    ...('strength' in settings ? { strength: `${settings.strength}` } : {}),
    ...(loop ? { loop: 'true' } : {}),
  }
}
