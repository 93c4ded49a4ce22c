/**
 * The factors of D(x; s) = cSkip x + cOut F(cIn x; cNoise), the denoiser around the network F (PAPER section 1; Karras
 * et al. 2022, eq. 7, in its v-prediction form with sigma_data = 1).
 */
export interface Preconditioning {
  readonly cSkip: number
  readonly cOut: number
  readonly cIn: number
  readonly cNoise: number
}

/**
 * cSkip = 1/(s^2+1), cOut = -s/sqrt(s^2+1), cIn = 1/sqrt(s^2+1), cNoise = 0.25 ln s.
 *
 * @param sigma the noise level, above 0
 */
export function precondition(sigma: number): Preconditioning {
  const variance = sigma * sigma + 1
  const cIn = 1 / Math.sqrt(variance)
  return { cSkip: 1 / variance, cOut: -sigma * cIn, cIn, cNoise: 0.25 * Math.log(sigma) }
}

/**
 * D(x; s), the estimate of the clean latents: cSkip x + cOut F, of the shape of x.
 *
 * @param x noisy latents at level `sigma`
 * @param f what the network gave for cIn x, of the shape of x
 */
export function denoised(x: Float32Array, f: Float32Array, sigma: number): Float32Array {
  if (x.length !== f.length) throw new RangeError(`latents of ${x.length} values, a model output of ${f.length}`)
  const { cSkip, cOut } = precondition(sigma)
  return x.map((value, i) => cSkip * value + cOut * f[i]!)
}

/**
 * (s^2+1)/s^2 = 1/cOut^2: what the squared error of D is multiplied by to weigh each noise level as the squared error
 * of F against its target v = cIn (eps - s x0) does (Karras et al. 2022, eq. 8).
 */
export function lossWeight(sigma: number): number {
  return (sigma * sigma + 1) / (sigma * sigma)
}
