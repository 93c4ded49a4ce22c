/**
 * The networks as functions of weights and tensors, to be put into graphs of one's own (sfv/graph).
 *
 * @module sfv/models
 */

export {
  parseWarpAutoencoderConfig,
  warpDecoder,
  warpEncoder,
  type WarpAutoencoderConfig,
} from './models/autoencoder-warp/index.js'
export { clipVision, type ClipVisionConfig, parseClipVisionConfig } from './models/clip/index.js'
export { discriminatorHeads, type HeadsConfig } from './models/discriminator/heads.js'
export { parseVideoFeaturesConfig, videoFeatures, type VideoFeaturesConfig } from './models/features/index.js'
export { parseUNetConfig, unet, type UNetConfig, unetEncoder, type UNetInputs } from './models/unet/index.js'
export { parseVaeConfig, posterior, type VaeConfig, vaeDecoder, vaeEncoder } from './models/vae/index.js'
