export { parseClipVisionConfig, type ClipVisionConfig } from './config.js'
export { clipVision, type ClipVisionOutput } from './vision.js'
