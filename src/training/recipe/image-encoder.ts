import { z } from 'zod'
import { common, count, network, positive } from './fields.js'
import { optimizer } from './optimizer.js'

/** Trains `CLIPVisionModelWithProjection` to know a figure again. */
export const imageEncoder = z.strictObject({
  objective: z.literal('image-encoder').describe('The image encoder: two views of a figure agree, others do not.'),
  ...common,
  network,
  batch: count.default(24).describe('Figures in a batch, each seen twice; under MPI, in the batch of each rank.'),
  temperature: positive.default(0.1).describe('Temperature of the contrastive loss.'),
  optimizer,
})
