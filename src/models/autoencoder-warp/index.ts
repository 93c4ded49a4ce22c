export { parseWarpAutoencoderConfig, WARP_AUTOENCODER_CLASS, type WarpAutoencoderConfig } from './config.js'
export { warpDecoder } from './decoder.js'
export { warpEncoder } from './encoder.js'
