export { parseVideoFeaturesConfig, type VideoFeaturesConfig } from './config.js'
export { videoFeatures } from './video-features.js'
