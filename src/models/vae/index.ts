export { parseVaeConfig, type VaeConfig } from './config.js'
export { vaeDecoder } from './decoder.js'
export { posterior, vaeEncoder } from './encoder.js'
