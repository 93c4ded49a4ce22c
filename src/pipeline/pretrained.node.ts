import { stat } from 'node:fs/promises'
import { freemem } from 'node:os'
import { join } from 'node:path'
import { Clip } from '../media/clip.node.js'
import type { ClipContent } from '../media/clip.js'
import { pictureOf, type PictureInput } from '../media/picture-input.node.js'
import { readClipAt } from '../media/read-clip.node.js'
import { nodeEngine, type NodeEngineOptions } from '../runtime/engine.node.js'
import { Checkpoint } from '../weights/checkpoint.node.js'
import { readPipelineFolder } from '../weights/diffusers.node.js'
import type { PullProgress } from '../weights/hub.node.js'
import { modelFolder } from '../weights/model-folder.node.js'
import { BUNDLED_MODEL, packaged } from '../weights/packaged.node.js'
import {
  ImageToVideo as AnyImageToVideo,
  type AnimateOptions,
  type EditOptions,
  type MemoryOptions,
} from './image-to-video.js'
import type { ModelSource } from './model-source.js'
import { UNET_CLASS } from './model.js'
import type { AnimateRequest, EditRequest, OpenRequest } from './model-thread.node.js'

/** How `fromPretrained` opens a model; `cache` is on unless told, and `precision` is `auto`. */
export interface PretrainedOptions extends NodeEngineOptions, MemoryOptions {
  /** Is told how far a model of the hub is fetched. */
  readonly onPull?: (progress: PullProgress) => void
  /**
   * Whether networks run in a thread of their own, so that the caller's event loop goes on. Without, it stands still while a
   * network runs: for programs that wait for the clip anyway, and those that have a thread for it. Default: true.
   */
  readonly worker?: boolean
}

/** What `animate` may be told in Node. */
export interface NodeAnimateOptions extends Omit<AnimateOptions, 'end'> {
  /** What the clip ends with, for models that take an end frame. */
  readonly end?: PictureInput
}

/**
 * The files of a model folder, or of the snapshot in a model's folder of huggingface_hub's cache. Weights are found when they are
 * asked for.
 *
 * @throws UserError when there is no such folder, or it is not that of a StableVideoDiffusionPipeline.
 */
export async function openModelFolder(folder: string): Promise<ModelSource> {
  const { path, components, defaults } = await readPipelineFolder(await modelFolder(folder), UNET_CLASS)
  return { path, components, defaults, weights: (component) => Checkpoint.open(join(path, component)) }
}

/** A folder of that name comes first, then what comes with the package, then the hub. */
async function folderOf(model: string | undefined, { onPull }: PretrainedOptions): Promise<string> {
  if (model === undefined) return BUNDLED_MODEL
  if ((await stat(model).catch(() => undefined)) !== undefined) return model
  const own = model === 'fluent' ? BUNDLED_MODEL : packaged(model)
  if (own !== model) return own
  const { isHubId, resolveHubModel } = await import('../weights/hub.node.js')
  return isHubId(model) ? resolveHubModel(model, onPull ? { onProgress: onPull } : {}) : model
}

/** A model that is open, in this thread or another. */
type OpenModel = Pick<AnyImageToVideo, 'animate' | 'edit' | 'native' | 'dispose'>

/** `ImageToVideo` for Node: models from folders, pictures from files, clips that can be saved. */
export class ImageToVideo {
  #turn: Promise<unknown> = Promise.resolve()

  private constructor(private readonly model: OpenModel) {}

  /**
   * Opens a model: a folder in the layout of diffusers, with SF-V's UNet as component `student` where it has one; or the id of
   * one on the Hugging Face hub, which is fetched the first time. Weights are read when they are needed.
   *
   * @param model the bundled one, `fluent`, unless told
   * @throws UserError when there is no such model, it cannot be fetched, or it is none that is supported.
   */
  static async fromPretrained(model?: string, options: PretrainedOptions = {}): Promise<ImageToVideo> {
    if (options.worker ?? true) return new ImageToVideo(await openInThread(model, options))
    const source = await openModelFolder(await folderOf(model, options))
    const { precision = 'auto' } = options
    const engine = nodeEngine({ cache: true, ...options })
    return new ImageToVideo(new AnyImageToVideo(source, engine, { available: freemem(), ...options, precision }))
  }

  /** The frames and the size in pixels that the model was trained for: what `animate` makes unless told. */
  get native(): OpenModel['native'] {
    return this.model.native
  }

  /**
   * Makes a clip of a picture: pixels, the path of a picture file, or the bytes of one, also as a Blob or a stream. Clips are
   * made one after another, in the order in which they were asked for.
   *
   * @throws UserError when the picture cannot be read, a setting is wrong, the model cannot make such a clip, or its
   *   weights do not fit its configuration.
   */
  async animate(image: PictureInput, { end, ...options }: NodeAnimateOptions = {}): Promise<Clip> {
    const reading = Promise.all([pictureOf(image), end === undefined ? undefined : pictureOf(end)])
    const [picture, last] = await this.#inTurn(reading)
    return new Clip(await this.model.animate(picture, { ...options, ...(last && { end: last }) }))
  }

  /**
   * Carries a change of a clip's first frame through the clip, in one forward.
   *
   * @param clip frames, or the path of an animated picture or a video, which is read at `fps` (7 unless told)
   * @param firstFrame the clip's first frame, changed, as `animate` takes a picture
   * @throws UserError as `animate` does, and when the clip cannot be read or is too short.
   */
  async edit(
    clip: string | Pick<ClipContent, 'frames' | 'fps'>,
    firstFrame: PictureInput,
    options: EditOptions = {},
  ): Promise<Clip> {
    const {
      width = this.native.width,
      height = this.native.height,
      frames = this.native.frames,
      fps = 7,
      fit,
    } = options
    const sampling = { fps, size: { width, height }, maxFrames: frames, ...(fit && { fit }) }
    const [picture, read] = await this.#inTurn(
      Promise.all([pictureOf(firstFrame), typeof clip === 'string' ? readClipAt(clip, sampling) : clip]),
    )
    return new Clip(await this.model.edit(read, picture, options))
  }

  /** Closes the networks, once the clips that were asked for are made, and ends their thread. */
  async dispose(): Promise<void> {
    await this.#turn
    return this.model.dispose()
  }

  /** What a call reads, once the calls before it have read theirs: some files take longer than others. */
  #inTurn<T>(reading: Promise<T>): Promise<T> {
    const turn = Promise.allSettled([this.#turn, reading]).then(() => reading)
    this.#turn = turn.catch(() => undefined)
    return turn
  }
}

/** Opens a model in a thread of its own. */
async function openInThread(model: string | undefined, options: PretrainedOptions): Promise<OpenModel> {
  const { startThread } = await import('../runtime/thread.node.js')
  const thread = startThread('pipeline/model-thread.node')
  const { onPull, ...rest } = options
  try {
    const request: OpenRequest = { model, options: rest }
    const native = await thread.call<OpenModel['native']>('open', request, { onProgress: onPull })
    return {
      native,
      animate(picture, { onProgress, signal, ...asked } = {}) {
        const request: AnimateRequest = { picture, asked }
        return thread.call('animate', request, { signal, onProgress })
      },
      edit({ frames, fps }, firstFrame, { onProgress, signal, ...asked } = {}) {
        const request: EditRequest = { clip: { frames, fps }, firstFrame, asked }
        return thread.call('edit', request, { signal, onProgress })
      },
      async dispose() {
        if (thread.ended) return
        await thread.call('dispose', undefined)
        thread.terminate()
      },
    }
  } catch (error) {
    thread.terminate()
    throw error
  }
}
