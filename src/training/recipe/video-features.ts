import { z } from 'zod'
import { common, count, network, positive, share } from './fields.js'
import { optimizer } from './optimizer.js'

/** Trains `VideoFeatures`, in which `sfv eval` takes distances. */
export const videoFeatures = z.strictObject({
  objective: z
    .literal('video-features')
    .describe('The feature network of `sfv eval`: windows of a clip agree, and what is wrong with them is estimated.'),
  ...common,
  network,
  batch: count.default(8).describe('Clips in a batch, each seen twice; under MPI, in the batch of each rank.'),
  temperature: positive.default(0.1).describe('Temperature of the contrastive loss.'),
  flawWeight: positive.default(100).describe('Weight of the error in the strengths of flaws.'),
  cleanShare: share.default(0.1).describe('Share of windows without any flaw.'),
  optimizer,
})
