import { createRequire } from 'node:module'
import { setImmediate } from 'node:timers/promises'
import type { ClipContent } from '../clip.js'
import { encodeGifWith, type Gifenc } from './gif.js'

// Loaders disagree about what this CommonJS package exports by default.
const gifenc = createRequire(import.meta.url)('gifenc') as Gifenc

/** A GIF that plays for ever, of 255 colours a frame. */
export function encodeGif(clip: ClipContent, signal?: AbortSignal): Promise<Uint8Array> {
  return encodeGifWith(gifenc, clip, {}, setImmediate, signal)
}
