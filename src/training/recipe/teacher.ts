import { z } from 'zod'
import { common, folder, latentBatch, network, noiseAugmentation, positive, share } from './fields.js'
import { optimizer } from './optimizer.js'

/** Trains the multi-step UNet by denoising score matching. */
export const teacher = z.strictObject({
  objective: z.literal('teacher').describe('The multi-step UNet: denoising score matching in the EDM frame.'),
  ...common,
  ...latentBatch,
  model: folder.describe('Pipeline folder with the VAE and the image encoder.'),
  network,
  pMean: z.number().default(0.7).describe('Mean of ln sigma (SVD: 0.7).'),
  pStd: positive.default(1.6).describe('Deviation of ln sigma (SVD: 1.6).'),
  conditionDropout: share
    .default(0.1)
    .describe('Share of samples whose image condition is replaced by zeros, for guidance.'),
  ...noiseAugmentation,
  optimizer,
})
