import type { SampleOptions } from '../diffusion/index.js'

type Hold = NonNullable<SampleOptions['hold']>

/** Cells of a clip's latents that are known, and for how long the walk is held to them. */
export interface Held {
  /** (f, c, h, w), scaled; of no account where nothing is held. */
  readonly latents: Float32Array
  /** (f, h, w): after how many steps the denoiser is free; 0 is from the beginning. */
  readonly until: Int32Array
}

/**
 * Holds a walk to what is known: after each step, known cells are put back as known + sigma noise. Cells may be let go at
 * different steps: those are the two clocks of Time-to-Move (Singer et al. 2025, arXiv 2511.08633), and with cells that are
 * never let go it is how Blended Diffusion and RePaint keep what lies outside their masks.
 *
 * @param noise of unit variance, of the shape of the latents: the same at all levels
 */
export function holdTo({ latents, until }: Held, noise: Float32Array, frames: number): Hold {
  const cells = until.length / frames
  const channels = latents.length / until.length
  return (x, sigma, step) => {
    for (let frame = 0; frame < frames; frame++)
      for (let cell = 0; cell < cells; cell++) {
        if (step >= until[frame * cells + cell]!) continue
        for (let channel = 0; channel < channels; channel++) {
          const i = (frame * channels + channel) * cells + cell
          x[i] = latents[i]! + sigma * noise[i]!
        }
      }
  }
}
