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
import {
  ImageToVideo as AnyImageToVideo,
  type AnimateOptions,
  type EditOptions,
  type MemoryOptions,
} from './image-to-video.js'
import type { ModelSource } from './model-source.js'
import { UNET_CLASS } from './model.js'

/** How `fromPretrained` opens a model; `cache` is on unless told, and `precision` is `auto`. */
export interface PretrainedOptions extends NodeEngineOptions, MemoryOptions {
  /** Is told how far a model of the hub is fetched. */
  readonly onPull?: (progress: PullProgress) => void
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

async function folderOf(model: string, { onPull }: PretrainedOptions): Promise<string> {
  const isFolder = (await stat(model).catch(() => undefined)) !== undefined
  const { isHubId, resolveHubModel } = await import('../weights/hub.node.js')
  return isFolder || !isHubId(model) ? model : resolveHubModel(model, onPull ? { onProgress: onPull } : {})
}

/** `ImageToVideo` for Node: models from folders, pictures from files, clips that can be saved. */
export class ImageToVideo extends AnyImageToVideo {
  /**
   * Opens a model: a folder in the layout of diffusers, with SF-V's UNet as component `student` where it has one; or the id of
   * one on the Hugging Face hub, which is fetched the first time. Weights are read when they are needed.
   *
   * @throws UserError when there is no such model, it cannot be fetched, or it is none that is supported.
   */
  static async fromPretrained(model: string, options: PretrainedOptions = {}): Promise<ImageToVideo> {
    const source = await openModelFolder(await folderOf(model, options))
    const { precision = 'auto' } = options
    const engine = nodeEngine({ cache: true, ...options })
    return new ImageToVideo(source, engine, { available: freemem(), ...options, precision })
  }

  /**
   * Makes a clip of a picture: pixels, the path of a picture file, or the bytes of one, also as a Blob or a stream.
   *
   * @throws UserError when the picture cannot be read, a setting is wrong, the model cannot make such a clip, or its
   *   weights do not fit its configuration.
   */
  override async animate(image: PictureInput, options: AnimateOptions = {}): Promise<Clip> {
    return new Clip(await super.animate(await pictureOf(image), options))
  }

  /**
   * Carries a change of a clip's first frame through the clip, in one forward.
   *
   * @param clip frames, or the path of an animated picture or a video, which is read at `fps` (7 unless told)
   * @param firstFrame the clip's first frame, changed, as `animate` takes a picture
   * @throws UserError as `animate` does, and when the clip cannot be read or is too short.
   */
  override async edit(
    clip: string | Pick<ClipContent, 'frames' | 'fps'>,
    firstFrame: PictureInput,
    options: EditOptions = {},
  ): Promise<Clip> {
    const picture = await pictureOf(firstFrame)
    const {
      width = this.native.width,
      height = this.native.height,
      frames = this.native.frames,
      fps = 7,
      fit,
    } = options
    const sampling = { fps, size: { width, height }, maxFrames: frames, ...(fit && { fit }) }
    const read = typeof clip === 'string' ? await readClipAt(clip, sampling) : clip
    return new Clip(await super.edit(read, picture, options))
  }
}
