export { parseVaeConfig, VAE_CLASS, type VaeConfig } from './config.js'
export { vaeDecoder } from './decoder.js'
export { posterior, vaeEncoder } from './encoder.js'
