import type { Denoise } from '../diffusion/index.js'

/** Frames (f, ...) in the opposite order. */
export function reversed(frames: Float32Array, count: number): Float32Array {
  const size = frames.length / count
  const turned = new Float32Array(frames.length)
  for (let i = 0; i < count; i++) turned.set(frames.subarray(i * size, (i + 1) * size), frames.length - (i + 1) * size)
  return turned
}

/**
 * A network that knows where a clip begins and where it ends, out of one that knows the beginning alone: Time Reversal Fusion
 * (Feng et al. 2024, "Explorative Inbetweening of Time and Space"). One run is told the first picture; the other is told the last
 * one, and sees the clip backwards. Frame n of f becomes (1 - n/(f-1)) forward_n + n/(f-1) backward_(f-1-n). Fusing what the
 * network gives is the same as fusing the next latents, as both come from the same latents: a step is affine in it.
 *
 * @param frames f, at least 2
 */
export function fused(forward: Denoise, backward: Denoise, frames: number): Denoise {
  return async (input, sigma, cNoise, step) => {
    // A network may give the same array each time.
    const ahead = Float32Array.from(await forward(input, sigma, cNoise, step))
    const back = reversed(await backward(reversed(input, frames), sigma, cNoise, step), frames)
    const size = input.length / frames
    return ahead.map((value, i) => {
      const share = Math.floor(i / size) / (frames - 1)
      return value + share * (back[i]! - value)
    })
  }
}
