import { UserError } from '../errors.js'
import { chunkSizes } from '../svd/decode.js'
import type { Model } from '../svd/model.js'
import type { Plan } from './plan.js'
import { tileStarts, type Tiling } from '../svd/tiles.js'

/** What may be used. */
export interface MemoryLimits {
  /** Bytes for the whole process that the caller allows. */
  readonly budget?: number | undefined
  /** Bytes that the system has free, which a large model is fitted into where the caller says nothing. */
  readonly available?: number | undefined
  /** Whether networks run in the memory that the budget is of: those of a GPU have their own. */
  readonly onHost: boolean
}

/** How a generation is held in memory. */
export interface MemoryPlan {
  /** Whether networks are opened when their turn comes and closed before the next one's. */
  readonly oneAtATime: boolean
  /** Whether they need the least memory (`LoweredGraph.lean`). */
  readonly lean: boolean
  /** Whether guidance runs its two clips one after the other. */
  readonly splitGuidance: boolean
  /** Frames of each chunk that is decoded. */
  readonly chunks: readonly number[]
  /** Latent pixels of the tiles that are decoded; none: whole frames. */
  readonly tile: Tiling | undefined
  /** Bytes at each stage, estimated; none for a small model, of which no account is taken. */
  readonly stages: Readonly<Record<'image encoder' | 'VAE encoder' | 'UNet' | 'decoder', number>> | undefined
}

/** Bytes of weights, as float32, up to which a model is small: it is opened for speed, and nothing is weighed. */
const SMALL = 2 ** 28
/** The program, the runtime, pictures. */
const BASE = 200 * 2 ** 20
/** What ONNX Runtime's arena holds of what is alive at once, and some more: measured at full size (docs/decisions/0013). */
const MARGIN = 1.6
/** Sides of tiles in latent pixels, the largest first. */
const TILES = [64, 48, 32, 24, 16]

const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`

/**
 * Chooses how a generation is held in memory: the decoder's chunks as large as fit, tiles where not even a single frame does.
 *
 * @param asked frames of a chunk that the caller insists on
 * @throws UserError when the clip cannot be made in the memory there is.
 */
export async function planMemory(
  plan: Plan,
  model: Model,
  { budget, available, onHost }: MemoryLimits,
  asked?: number,
): Promise<MemoryPlan> {
  const { frames, height, width, latentHeight, latentWidth } = plan.geometry
  const usual = { oneAtATime: false, lean: false, splitGuidance: false, chunks: plan.chunks, tile: undefined }
  if (!onHost) return { ...usual, stages: undefined }
  const sizes = await Promise.all(['image_encoder', 'vae', plan.component].map((name) => model.weightSizes(name)))
  const isSmall = sizes.reduce((sum, { parameters }) => sum + 4 * parameters, 0) <= SMALL
  if (isSmall && budget === undefined) return { ...usual, stages: undefined }

  const [imageBytes, vaeBytes, unetBytes] = sizes.map(({ bytes }) => bytes) as [number, number, number]
  const clip = frames * 3 * height * width * 4
  const of = (weights: number, activations: number) => BASE + weights + MARGIN * activations
  const decoderBytes = (chunk: number, tile: Tiling = { height: latentHeight, width: latentWidth }) =>
    of(vaeBytes, model.vaeDecoder(chunk, tile.height, tile.width).activationBytes) + 2 * clip
  const fixed = {
    'image encoder': of(imageBytes, model.imageEncoder().activationBytes),
    'VAE encoder': of(vaeBytes, model.vaeEncoder(height, width).activationBytes),
    UNet: of(
      unetBytes,
      model.unet(plan.component, { batch: 1, frames, height: latentHeight, width: latentWidth }).activationBytes,
    ),
  }
  const limit = budget ?? available ?? Infinity
  const fits = (bytes: number) => bytes <= limit
  const largest = Math.max(...plan.chunks)
  const chunks = asked === undefined ? Array.from({ length: largest }, (_, i) => largest - i) : [largest]
  // A tile of a picture is not all that latents relative to it may draw from.
  const sides = model.autoencoder.relative ? [] : TILES
  const tiles = sides.map((side) => ({ height: Math.min(side, latentHeight), width: Math.min(side, latentWidth) }))
  const ways = [undefined, ...tiles].flatMap((tile) => chunks.map((chunk) => ({ chunk, tile })))
  const best = ways.find(({ chunk, tile }) => fits(decoderBytes(chunk, tile)))
  const chosen = best ?? ways.at(-1)!
  const stages = { ...fixed, decoder: decoderBytes(chosen.chunk, chosen.tile) }
  const tooLarge = Object.entries(stages).find(([, bytes]) => !fits(bytes))
  if (tooLarge)
    throw new UserError(
      `this clip needs about ${gigabytes(tooLarge[1])} of memory (${tooLarge[0]}, ${frames} frames of ${width}x${height}), and ` +
        `${gigabytes(limit)} may be used; make it smaller or shorter, or allow more with --memory`,
    )
  return {
    oneAtATime: true,
    lean: true,
    splitGuidance: plan.guidance !== undefined,
    // Of a loop one frame is made that is not decoded.
    chunks: chunkSizes(
      plan.chunks.reduce((sum, count) => sum + count, 0),
      chosen.chunk,
    ),
    tile: chosen.tile,
    stages,
  }
}

/** The plan in a line for people; undefined for a small model. */
export function describeMemory({ stages, chunks, tile }: MemoryPlan, plan: Plan): string | undefined {
  if (!stages) return undefined
  const parts = Object.entries(stages).map(([name, bytes]) => `${name} ${gigabytes(bytes)}`)
  const { latentHeight, latentWidth, height } = plan.geometry
  const factor = height / latentHeight
  const count = tile ? tileStarts(latentHeight, tile.height).length * tileStarts(latentWidth, tile.width).length : 1
  const how = tile ? `, each in ${count} tiles of ${tile.width * factor}x${tile.height * factor}` : ''
  const frames = chunks.length === 1 ? 'all frames together' : `${chunks[0]} frames at a time`
  return `one network at a time: ${parts.join(', ')}; decoding ${frames}${how}`
}
