import { stat } from 'node:fs/promises'
import { freemem } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { UserError } from '../errors.js'
import { Clip } from '../media/clip.node.js'
import type { ClipContent } from '../media/clip.js'
import type { Picture } from '../media/frames.js'
import { readImage } from '../media/image.node.js'
import { readClipAt } from '../media/read-clip.node.js'
import { nodeEngine, type NodeEngineOptions } from '../runtime/engine.node.js'
import { Checkpoint } from '../weights/checkpoint.node.js'
import { readPipelineFolder } from '../weights/diffusers.node.js'
import type { PullProgress } from '../weights/hub.node.js'
import {
  ImageToVideo as AnyImageToVideo,
  type AnimateOptions,
  type EditOptions,
  type MemoryOptions,
} from './image-to-video.js'
import type { ModelSource } from './model-source.js'
import { UNET_CLASS } from './model.js'
import type { AnimateRequest, EditRequest, OpenRequest } from './model-thread.node.js'

/** The model that comes with the package; src/pipeline, dist/pipeline and dist/bin lie equally deep. */
const BUNDLED_MODEL = fileURLToPath(new URL('../../models/fluent', import.meta.url))
/** How the bundled model is called from any folder, unless that has a folder of this name. */
const BUNDLED_NAMES: readonly (string | undefined)[] = [undefined, 'fluent', 'models/fluent']

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

/**
 * The files of a model folder. Weights are found when they are asked for.
 *
 * @throws UserError when there is no such folder, or it is not that of a StableVideoDiffusionPipeline.
 */
export async function openModelFolder(folder: string): Promise<ModelSource> {
  const found = await stat(folder).catch(() => undefined)
  if (!found?.isDirectory())
    throw new UserError(`there is no model folder ${folder}; give the path of one in the layout of diffusers`)
  const { path, components, defaults } = await readPipelineFolder(folder, UNET_CLASS)
  return { path, components, defaults, weights: (component) => Checkpoint.open(join(path, component)) }
}

async function folderOf(model: string | undefined, { onPull }: PretrainedOptions): Promise<string> {
  if (model !== undefined && (await stat(model).catch(() => undefined)) !== undefined) return model
  if (model === undefined || BUNDLED_NAMES.includes(model)) return BUNDLED_MODEL
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
   * Makes a clip of a picture: pixels, the path of a picture file, or the bytes of one. Clips are made one after another, in
   * the order in which they were asked for.
   *
   * @throws UserError when the picture cannot be read, a setting is wrong, the model cannot make such a clip, or its
   *   weights do not fit its configuration.
   */
  async animate(image: string | Uint8Array | Picture, options: AnimateOptions = {}): Promise<Clip> {
    const picture = await this.#inTurn(pictureOf(image))
    return new Clip(await this.model.animate(picture, options))
  }

  /**
   * Carries a change of a clip's first frame through the clip, in one forward.
   *
   * @param clip frames, or the path of an animated picture or a video, which is read at `fps` (7 unless told)
   * @param firstFrame the clip's first frame, changed: pixels, the path of a picture file, or the bytes of one
   * @throws UserError as `animate` does, and when the clip cannot be read or is too short.
   */
  async edit(
    clip: string | Pick<ClipContent, 'frames' | 'fps'>,
    firstFrame: string | Uint8Array | Picture,
    options: EditOptions = {},
  ): Promise<Clip> {
    const { width = this.native.width, height = this.native.height, frames = this.native.frames, fps = 7 } = options
    const sampling = { fps, width, height, maxFrames: frames }
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

async function pictureOf(image: string | Uint8Array | Picture): Promise<Picture> {
  return typeof image === 'string' || image instanceof Uint8Array ? readImage(image) : image
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
