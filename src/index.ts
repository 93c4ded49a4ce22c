/**
 * The library in Node: a model, the clips it makes, and their files.
 *
 * @module sfv
 */

export { UserError } from './errors.js'
export type { ClipFile } from './media/any-clip.js'
export { Clip, type ClipOptions } from './media/clip.node.js'
export { type ClipContent } from './media/clip.js'
export { EXPORT_FORMATS, type ExportFormat, type ExportOptions, type ExportSettings } from './media/export-settings.js'
export { type ExportProgress, type ExportWork, type Quality } from './media/fit-bytes.js'
export { type Frames, type Picture } from './media/frames.js'
export { type PictureInput } from './media/picture-input.node.js'
export { type EditOptions, type MemoryOptions } from './pipeline/image-to-video.js'
export {
  ImageToVideo,
  type NodeAnimateOptions as AnimateOptions,
  type NodeExtendOptions as ExtendOptions,
  type PretrainedOptions,
} from './pipeline/pretrained.node.js'
export { type AnimateProgress, type Stage } from './pipeline/progress.js'
export { type AnimateSettings, type EditSettings, type ExtendSettings } from './pipeline/settings.js'
