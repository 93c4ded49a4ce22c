/**
 * The library in a browser: the same classes, on the processor or the GPU of the page.
 *
 * @module sfv/web
 */

export { UserError } from '../errors.js'
export type { ClipContent } from '../media/clip.js'
export type { ClipSampling } from '../media/decode.web.js'
export type { ClipFile } from '../media/any-clip.js'
export { EXPORT_FORMATS, type ExportFormat, type ExportOptions, type ExportSettings } from '../media/export-settings.js'
export type { ExportProgress, ExportWork, Quality } from '../media/fit-bytes.js'
export type { Frames, Picture } from '../media/frames.js'
export type { Stage } from '../pipeline/progress.js'
export type { AnimateSettings, EditSettings, ExtendSettings } from '../pipeline/settings.js'
export type { DownloadProgress } from '../weights/model-files.web.js'
export { Clip, cutOut, offerDownload, readClip } from './clip.js'
export {
  ImageToVideo,
  type AnimateOptions,
  type EditOptions,
  type ExtendOptions,
  type PictureInput,
  type PretrainedOptions,
  type WebProgress,
} from './image-to-video.js'
export type { ModelFacts } from './model-facts.js'
