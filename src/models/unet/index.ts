export { parseUNetConfig, type UNetConfig } from './config.js'
export { unet, unetEncoder, type UNetFeatures, type UNetInputs } from './unet.js'
