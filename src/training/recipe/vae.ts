import { z } from 'zod'
import { common, count, folder, network } from './fields.js'
import { optimizer } from './optimizer.js'

/** Trains `AutoencoderKLTemporalDecoder` on crops of clips and stills. */
export const vae = z.strictObject({
  objective: z.literal('vae').describe('The video autoencoder: reconstruction, outlines, KL.'),
  ...common,
  stills: folder.optional().describe('Clip store of stills, half of each batch where given.'),
  network,
  part: z
    .enum(['whole', 'decoder'])
    .default('whole')
    .describe('What is trained. The decoder alone leaves all latents, and so a trained UNet, what they are.'),
  exchangeColours: z.boolean().default(true).describe('Whether red, green and blue change places at random.'),
  batch: count.default(4).describe('Crops in a batch; under MPI, in the batch of each rank.'),
  frames: count.default(4).describe('Consecutive frames of a crop.'),
  crop: count.default(64).describe('Side of the square crops, in pixels.'),
  klWeight: z.number().nonnegative().default(1e-6).describe('Weight of the divergence of the latents from a Gaussian.'),
  edgeWeight: z.number().nonnegative().default(0.5).describe('Weight of the difference between neighbouring pixels.'),
  optimizer,
})
