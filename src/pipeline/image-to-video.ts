import { UserError } from '../errors.js'
import type { ClipContent } from '../media/clip.js'
import { frameAt, type Picture } from '../media/frames.js'
import { checkFrames, checkPicture, nameOfValue } from '../media/picture.js'
import type { Engine } from '../runtime/program.js'
import type { Precision } from '../svd/device-traits.js'
import { nativeGeometry } from './geometry.js'
import { clipWithAlpha, pictureWithAlpha } from './alpha.js'
import { makeChain } from './chain.js'
import { makeClip, type Context, type MakingOptions } from './make-clip.js'
import type { MemoryLimits, MemoryPlan } from './memory-plan.js'
import type { ModelSource } from '../svd/model-source.js'
import { Model } from '../svd/model.js'
import { previewClip } from './preview.js'
import { closeAll, networksOf, type Plan, type PlannedNetworks } from './plan.js'
import { tellPicture } from './told-pictures.js'
import {
  editSchema,
  extendSchema,
  parseSettings,
  type AnimateSettings,
  type AnySettings,
  type EditSettings,
  type ExtendSettings,
} from './settings.js'

/** What `animate` may be told. */
export interface AnimateOptions extends AnimateSettings, MakingOptions {
  /**
   * What the clip ends with; may still be read. A model that takes an end frame is told of it. Of any other SVD, what it makes
   * forward from the picture and backward from this one is fused: 6 forwards in place of 1, three for each of several steps.
   */
  readonly end?: Picture | Promise<Picture>
  /** What shall stand still: white where it does. It keeps the picture's own pixels. May still be read. */
  readonly still?: Picture | Promise<Picture>
  /** What may move: white where it may; all else stands still. May still be read. */
  readonly moving?: Picture | Promise<Picture>
}

/** What `edit` may be told. */
export interface EditOptions extends EditSettings, MakingOptions {}

/** What `extend` may be told. */
export interface ExtendOptions extends ExtendSettings, MakingOptions {
  /** What the last link ends with. May still be read. */
  readonly end?: Picture | Promise<Picture>
}

/** What `edit` changes and `extend` goes on from: the frames of a clip, their opacity where it has any, and their rate. */
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
    const { end, still, moving, ...rest } = options
    const [making, asked] = split(rest)
    return this.#queued(making, Promise.all([picture, end, still, moving]), ([picture, end, still, moving]) => {
      checkPicture(picture, 'the picture')
      if (end) checkPicture(end, 'the end frame')
      if (still) checkPicture(still, 'the mask of what stands still')
      if (moving) checkPicture(moving, 'the mask of what may move')
      const settings = parseSettings(asked)
      const own = this.#withAlpha(settings)
      const sources = { end: end && own(end), still, moving }
      const { seconds, frames = this.native.frames } = settings
      if (seconds === undefined) return makeClip(this.#context, own(picture), settings, making, sources)
      const length = Math.max(1, Math.round(seconds * settings.fps))
      if (length <= frames)
        return makeClip(this.#context, own(picture), { ...settings, frames: length }, making, sources)
      if (settings.motions.length > 0)
        throw new UserError('motions are of one clip; leave out seconds, drag first, and extend the clip')
      const beginning = { pictures: [own(picture)], until: { frames: length } }
      return makeChain(this.#context, beginning, settings, making, sources)
    }).then(async (clip) => {
      const made = clipWithAlpha(clip, asked.alpha === 'key' ? 'key' : undefined)
      const told = await tellAll({ end, still, moving })
      if (asked.seconds !== undefined) told['seconds'] = `${asked.seconds}`
      return { ...made, metadata: { ...made.metadata, ...told } }
    })
  }

  /**
   * What drags and masks make of a picture, as a rough clip: no network runs, so that it is there at once, whatever waits.
   *
   * @throws UserError as `animate` does.
   */
  async preview(picture: Picture | Promise<Picture>, options: AnimateOptions = {}): Promise<ClipContent> {
    const { end: _, still, moving, ...rest } = options
    const [, asked] = split(rest)
    const [read, ...masks] = await Promise.all([picture, still, moving])
    checkPicture(read, 'the picture')
    const settings = parseSettings(asked)
    const own = this.#withAlpha(settings)(read)
    return previewClip(own, settings, { still: masks[0], moving: masks[1] }, this.#model)
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
      const own = this.#withAlpha(settings)
      if (settings.frames! > count)
        throw new UserError(`frames is ${settings.frames}, but the clip has ${count}; ask for at most as many`)
      const original = clipWithAlpha(clip, settings.alpha)
      return makeClip(this.#context, own(firstFrame), settings, making, { original })
    }).then((clip) => clipWithAlpha(clip, asked.alpha === 'key' ? 'key' : undefined))
  }

  /**
   * Makes a clip longer by links, each on the last frames of the one before; colours and sharpness are held to its first frame. Its
   * own frames stay as they are, but in the model's size. With `loop` the last link leads back to the clip's first frame. The rate
   * is the clip's own unless told.
   *
   * @throws UserError as `animate` does, and when the clip does not move.
   */
  extend(clip: MovingPictures | Promise<MovingPictures>, options: ExtendOptions = {}): Promise<ClipContent> {
    const { end, ...rest } = options
    const [making, asked] = split(rest)
    return this.#queued(making, Promise.all([clip, end]), ([clip, end]) => {
      checkMoving(clip)
      if (end) checkPicture(end, 'the end frame')
      const {
        links,
        fps = clip.fps,
        ...rest
      } = parseSettings({ ...asked, fps: asked.fps ?? clip.fps }, undefined, extendSchema)
      const settings = { ...rest, fps }
      const own = this.#withAlpha(settings)
      const { frames, alpha } = clipWithAlpha(clip, settings.alpha)
      if (frames.count < 2) throw new UserError('the clip has one frame; give one that moves, or animate the picture')
      const pictures = Array.from({ length: frames.count }, (_, i) => own(frameAt(frames, i, alpha)))
      return makeChain(this.#context, { pictures, until: { links } }, settings, making, { end: end && own(end) })
    }).then((clip) => clipWithAlpha(clip, asked.alpha === 'key' ? 'key' : undefined))
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

  get #context(): Context {
    return {
      model: this.#model,
      lowMemory: this.#lowMemory,
      limits: this.#limits,
      networksFor: (plan, memory) => this.#networksFor(plan, memory),
    }
  }

  #withAlpha({ alpha }: AnySettings): (picture: Picture) => Picture {
    return (picture) => pictureWithAlpha(picture, alpha, this.#model)
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

/** Further pictures as the metadata of a clip tells of them. */
async function tellAll(pictures: Readonly<Record<string, Picture | Promise<Picture> | undefined>>) {
  const told: Record<string, string> = {}
  for (const [name, picture] of Object.entries(pictures)) if (picture) told[name] = await tellPicture(await picture)
  return told
}

/** Options apart: how the work goes, and what is asked for. */
function split<T extends MakingOptions>(options: T): [MakingOptions, Omit<T, keyof MakingOptions>] {
  const { latents, imageNoise, onProgress, signal, ...asked } = options
  return [{ latents, imageNoise, onProgress, signal }, asked]
}
