import { stat } from 'node:fs/promises'
import { UserError } from '../errors.js'
import { Clip } from '../media/clip.node.js'
import type { Picture } from '../media/frames.js'
import { readImage } from '../media/image.node.js'
import { nodeEngine, type NodeEngineOptions } from '../runtime/engine.node.js'
import { Checkpoint } from '../weights/checkpoint.node.js'
import { readPipelineFolder } from '../weights/diffusers.node.js'
import { ImageToVideo as AnyImageToVideo, type AnimateOptions, type MemoryOptions } from './image-to-video.js'
import { join } from 'node:path'

/** How `fromPretrained` opens a model. */
export interface PretrainedOptions extends NodeEngineOptions, MemoryOptions {}

/** `ImageToVideo` for Node: models from folders, pictures from files, clips that can be saved. */
export class ImageToVideo extends AnyImageToVideo {
  /**
   * Opens a model: a folder in the layout of diffusers, with SF-V's UNet as component `student` where it has one.
   * Weights are read when they are needed.
   *
   * @throws UserError when there is no such folder, or it holds no model that is supported.
   */
  static async fromPretrained(folder: string, options: PretrainedOptions = {}): Promise<ImageToVideo> {
    const found = await stat(folder).catch(() => undefined)
    if (!found?.isDirectory())
      throw new UserError(
        `there is no folder ${folder}; give a model folder in the layout of diffusers, downloaded first`,
      )
    const { path, components } = await readPipelineFolder(folder)
    const weights = (component: string) => Checkpoint.open(join(path, component))
    return new ImageToVideo({ path, components, weights }, nodeEngine(options), options)
  }

  /**
   * Makes a clip of a picture: pixels, the path of a picture file, or the bytes of one.
   *
   * @throws UserError when the picture cannot be read, a setting is wrong, the model cannot make such a clip, or its
   *   weights do not fit its configuration.
   */
  override async animate(image: string | Uint8Array | Picture, options: AnimateOptions = {}): Promise<Clip> {
    const isFile = typeof image === 'string' || image instanceof Uint8Array
    return new Clip(await super.animate(isFile ? await readImage(image) : image, options))
  }
}
