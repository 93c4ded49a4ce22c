import { UserError } from '../../errors.js'
import { type Size } from '../../media/resize.js'
import { type UNetConfig } from '../../models/unet/index.js'

/**
 * The size in latents of clips of a size in pixels.
 *
 * @param factor pixels to a latent along a side
 * @param unet the UNet that the latents are for, which halves them before each of its blocks but the first
 * @throws UserError when a side is no multiple of what VAE and UNet halve it by.
 */
export function latentSize({ width, height }: Size, factor: number, unet?: UNetConfig): Size {
  const multiple = factor * (unet ? 2 ** (unet.down.length - 1) : 1)
  if (width % multiple === 0 && height % multiple === 0) return { width: width / factor, height: height / factor }
  const nearest = [width, height].map((side) => Math.max(1, Math.round(side / multiple)) * multiple)
  throw new UserError(
    `the networks take sides that are multiples of ${multiple}, not clips of ${width}x${height} pixels; make the clip store with --size ${nearest.join('x')}`,
  )
}
