export { parseVaeConfig, type VaeConfig } from './config.js'
export { vaeDecoder } from './decoder.js'
export { vaeEncoder } from './encoder.js'
