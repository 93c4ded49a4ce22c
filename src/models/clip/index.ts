export { parseClipVisionConfig, type ClipVisionConfig } from './config.js'
export { clipVision } from './vision.js'
