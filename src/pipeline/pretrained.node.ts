import { stat } from 'node:fs/promises'
import { freemem } from 'node:os'
import { Clip, type ClipOptions } from '../media/clip.node.js'
import type { ClipContent } from '../media/clip.js'
import { pictureOf, type PictureInput } from '../media/picture-input.node.js'
import { rateOf, readClipAt } from '../media/read-clip.node.js'
import { nodeEngine, type NodeEngineOptions } from '../runtime/engine.node.js'
import { openModelFolder } from '../svd/model-folder.node.js'
import type { PullProgress } from '../weights/hub.node.js'
import { BUNDLED_MODEL, packaged } from '../weights/packaged.node.js'
import {
  ImageToVideo as AnyImageToVideo,
  type AnimateOptions,
  type EditOptions,
  type ExtendOptions,
  type MemoryOptions,
  type MovingPictures,
} from './image-to-video.js'

/** How `fromPretrained` opens a model; `cache` is on unless told, and `precision` is `auto`. */
export interface PretrainedOptions extends NodeEngineOptions, MemoryOptions {
  /** Is told how far a model of the hub is fetched. */
  readonly onPull?: (progress: PullProgress) => void
  /**
   * Whether networks run, and clips are encoded, in threads of their own, so that the caller's event loop goes on.
   * Without, it stands still while a network runs: for programs that wait for the clip anyway, and those that have a
   * thread for it. Default: true.
   */
  readonly worker?: boolean
}

/** What `animate` may be told in Node. */
export interface NodeAnimateOptions
  extends Omit<AnimateOptions, FurtherPicture>, Partial<Readonly<Record<FurtherPicture, PictureInput>>> {}

/** What `extend` may be told in Node. */
export interface NodeExtendOptions extends Omit<ExtendOptions, 'end'> {
  /** What the last link ends with. */
  readonly end?: PictureInput
}

/**
 * Further pictures of `animate`: what the clip ends with, and masks that are white where it stands still, or where alone it may
 * move.
 */
export const FURTHER_PICTURES = ['end', 'still', 'moving'] as const

/** One of them. */
export type FurtherPicture = (typeof FURTHER_PICTURES)[number]

/** How the model that comes with the package is called from any folder. */
const BUNDLED_NAME = 'fluent'

/**
 * The folder of a model by what `fromPretrained` is given: a folder of that name comes first, then what comes with the
 * package, then the hub.
 */
async function folderOf(model: string, { onPull }: PretrainedOptions): Promise<string> {
  if ((await stat(model).catch(() => undefined)) !== undefined) return model
  const own = model === BUNDLED_NAME ? BUNDLED_MODEL : packaged(model)
  if (own !== model) return own
  const { isHubId, resolveHubModel } = await import('../weights/hub.node.js')
  return isHubId(model) ? resolveHubModel(model, onPull ? { onProgress: onPull } : {}) : model
}

/** A model that is open, in this thread or another. */
export interface OpenModel {
  readonly native: AnyImageToVideo['native']
  animate(image: PictureInput, options: NodeAnimateOptions): Promise<ClipContent>
  preview(image: PictureInput, options: NodeAnimateOptions): Promise<ClipContent>
  edit(clip: ClipInput, firstFrame: PictureInput, options: EditOptions): Promise<ClipContent>
  extend(clip: ClipInput, options: NodeExtendOptions): Promise<ClipContent>
  dispose(): Promise<void>
}

/** A clip as `edit` and `extend` take it in Node: frames, or the path of an animated picture or a video. */
export type ClipInput = string | MovingPictures

/**
 * Opens a model in this thread.
 *
 * @throws UserError as `fromPretrained` does.
 */
export async function openModel(model: string, options: Omit<PretrainedOptions, 'worker'>): Promise<OpenModel> {
  const source = await openModelFolder(await folderOf(model, options))
  const { precision = 'auto' } = options
  const engine = nodeEngine({ cache: true, ...options })
  const opened = new AnyImageToVideo(source, engine, { available: freemem(), ...options, precision })
  const { native } = opened
  return {
    native,
    animate: (image, options) => opened.animate(pictureOf(image), withPictures(options)),
    preview: (image, options) => opened.preview(pictureOf(image), withPictures(options)),
    edit(clip, firstFrame, options) {
      const { width = native.width, height = native.height, frames = native.frames, fps = 7, fit } = options
      const sampling = { fps, size: { width, height }, maxFrames: frames, ...(fit && { fit }) }
      const read = typeof clip === 'string' ? readClipAt(clip, sampling) : clip
      return opened.edit(read, pictureOf(firstFrame), options)
    },
    extend(clip, { end, ...options }) {
      const read = typeof clip === 'string' ? wholeClip(clip, native, options) : clip
      return opened.extend(read, { ...options, ...(end !== undefined && { end: pictureOf(end) }) })
    },
    dispose: () => opened.dispose(),
  }
}

/** All of a clip at the size that is made, and at its own rate unless told. */
async function wholeClip(path: string, native: OpenModel['native'], { fps, fit, ...size }: NodeExtendOptions) {
  const { width = native.width, height = native.height } = size
  const rate = fps ?? (await rateOf(path))
  return readClipAt(path, { fps: rate, size: { width, height }, ...(fit && { fit }) })
}

/** Options whose further pictures are being read. */
function withPictures({ end, still, moving, ...options }: NodeAnimateOptions): AnimateOptions {
  const given = Object.entries({ end, still, moving }).filter(([, input]) => input !== undefined)
  return { ...options, ...Object.fromEntries(given.map(([name, input]) => [name, pictureOf(input!)])) }
}

/**
 * `ImageToVideo` for Node: models from folders, pictures from files, clips that can be saved. Clips are made one after
 * another, in the order in which they were asked for.
 */
export class ImageToVideo {
  private constructor(
    private readonly model: OpenModel,
    private readonly options: ClipOptions,
  ) {}

  /**
   * Opens a model: a folder in the layout of diffusers, with SF-V's UNet as component `student` where it has one; or
   * the id of one on the Hugging Face hub, which is fetched the first time. Weights are read when they are needed.
   *
   * @param model the one that comes with the package, `fluent`, unless told
   * @throws UserError when there is no such model, it cannot be fetched, or it is none that is supported.
   */
  static async fromPretrained(model = BUNDLED_MODEL, options: PretrainedOptions = {}): Promise<ImageToVideo> {
    const { worker = true, ...rest } = options
    const open = worker ? (await import('./threaded-model.node.js')).openInThread : openModel
    return new ImageToVideo(await open(model, rest), { worker })
  }

  /** The frames and the size in pixels that the model was trained for: what `animate` makes unless told. */
  get native(): OpenModel['native'] {
    return this.model.native
  }

  /**
   * Makes a clip of a picture: pixels, the path of a picture file, or the bytes of one, also as a Blob or a stream.
   *
   * @throws UserError when the picture cannot be read, a setting is wrong, the model cannot make such a clip, or its
   *   weights do not fit its configuration.
   */
  async animate(image: PictureInput, options: NodeAnimateOptions = {}): Promise<Clip> {
    return new Clip(await this.model.animate(image, options), this.options)
  }

  /**
   * What drags and masks make of a picture, as a rough clip that can be shown at once: no network runs.
   *
   * @throws UserError as `animate` does.
   */
  async preview(image: PictureInput, options: NodeAnimateOptions = {}): Promise<Clip> {
    return new Clip(await this.model.preview(image, options), this.options)
  }

  /**
   * Carries a change of a clip's first frame through the clip, in one forward.
   *
   * @param clip frames, or the path of an animated picture or a video, which is read at `fps` (7 unless told)
   * @param firstFrame the clip's first frame, changed, as `animate` takes a picture
   * @throws UserError as `animate` does, and when the clip cannot be read or is too short.
   */
  async edit(clip: ClipInput, firstFrame: PictureInput, options: EditOptions = {}): Promise<Clip> {
    return new Clip(await this.model.edit(clip, firstFrame, options), this.options)
  }

  /**
   * Makes a clip longer by `links` clips, each on the last frames of the one before, with colours and sharpness held to its first
   * frame; with `loop` the last one leads back there.
   *
   * @param clip frames, or the path of an animated picture or a video, which is read at its own rate unless told
   * @throws UserError as `animate` does, and when the clip cannot be read or does not move.
   */
  async extend(clip: ClipInput, options: NodeExtendOptions = {}): Promise<Clip> {
    return new Clip(await this.model.extend(clip, options), this.options)
  }

  /** Closes the networks, once the clips that were asked for are made, and ends their thread. */
  dispose(): Promise<void> {
    return this.model.dispose()
  }

  /** As `dispose`: for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose()
  }
}
