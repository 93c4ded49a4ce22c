import { z } from 'zod'
import { common, count, network, share } from './fields.js'
import { optimizer } from './optimizer.js'

/** Trains `AutoencoderKLWarp` on pictures and later frames of clips. */
export const warpAutoencoder = z.strictObject({
  objective: z
    .literal('warp-autoencoder')
    .describe('The autoencoder that carries a picture along by flows: reconstruction, outlines, KL.'),
  ...common,
  network,
  part: z
    .enum(['whole', 'decoder'])
    .default('whole')
    .describe('What is trained. The decoder alone leaves all latents, and so a trained UNet, what they are.'),
  batch: count.default(6).describe('Clips in a batch; under MPI, in the batch of each rank.'),
  frames: count.default(3).describe('Frames of a clip that are encoded relative to its picture.'),
  reach: z.number().positive().default(2).describe('Farthest a frame lies from its picture, in seconds.'),
  stills: z.array(z.string()).default([]).describe('Clip stores of stills, moved by design as stickers are.'),
  stillsShare: share.default(0.3).describe('Share of samples that are stills, where `stills` is given.'),
  blankShare: share
    .default(0.1)
    .describe('Share of samples whose picture is blank: their latents show the frame itself.'),
  augmentation: share
    .default(0.5)
    .describe(
      'Share of samples that are altered: half of those mirrored, a quarter in other colours, a quarter on another ground.',
    ),
  latentNoise: z
    .number()
    .nonnegative()
    .default(0.3)
    .describe('Most noise that the decoder learns to forgive, a deviation; each sample has its own share of it.'),
  klWeight: z.number().nonnegative().default(1e-4).describe('Weight of the divergence of the latents from a Gaussian.'),
  edgeWeight: z.number().nonnegative().default(0.5).describe('Weight of the difference between neighbouring pixels.'),
  coarseWeight: z.number().nonnegative().default(0.3).describe('Weight of the frames as the coarse flows make them.'),
  optimizer,
})
