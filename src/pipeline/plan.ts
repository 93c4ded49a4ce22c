import { UserError } from '../errors.js'
import { consistencySchedule, guidanceScales, isGuided, karrasSchedule, type Schedule } from '../diffusion/index.js'
import { chunkSizes } from './decode.js'
import { defaultChunk, geometryOf, type Geometry } from './geometry.js'
import type { MemoryPlan } from './memory-plan.js'
import type { Model } from './model.js'
import type { Network } from './network.js'
import { LOOP_PADDING } from './refine.js'
import type { CheckedSettings } from './settings.js'

/** What a generation will do. */
export interface Plan {
  /** The UNet that runs. */
  readonly component: string
  readonly geometry: Geometry
  readonly sampler: 'euler' | 'consistency'
  readonly schedule: Schedule
  /** Noise of unit variance times this is where the denoising starts. */
  readonly startSigma: number
  /** (f): guidance scale of each frame; none without guidance. */
  readonly guidance: Float32Array | undefined
  /** The last frame's guidance scale. */
  readonly maxGuidance: number
  /** SVD's motion bucket. */
  readonly motion: number
  /**
   * How a loop is closed: by an end frame that is the first, where the UNet takes one (the clip is then made a frame longer,
   * and that one left out), else by a second walk over the seam. None where no loop is asked for.
   */
  readonly loop: 'end frame' | 'seam' | undefined
  /** Frames that are decoded beyond each end of the clip: some where a seam is closed, else none. */
  readonly padding: number
  /** Frames of each chunk that is decoded. */
  readonly chunks: readonly number[]
}

/**
 * Plans a generation. One step is SF-V's single forward: the student (where there is one) from x = sigmaMax noise, without
 * guidance. More steps are `StableVideoDiffusionPipeline`: SVD's UNet from sqrt(sigmaMax^2 + 1) noise, with guidance.
 *
 * @throws UserError when the model cannot make such a clip, or the guidance cannot be.
 */
export function planGeneration(settings: CheckedSettings, model: Model): Plan {
  const { steps, network, guide, minGuidance, decodeChunk, loop } = settings
  const { sampler = model.scheduler.consistency ? 'consistency' : 'euler' } = settings
  const usual = { motion: 127, maxGuidance: sampler === 'euler' ? 3 : 1.5, ...model.defaults }
  const { motion = usual.motion, maxGuidance = usual.maxGuidance } = settings
  const single = steps === 1
  const component = network ?? (single && model.hasStudent ? 'student' : 'unet')
  const asked = geometryOf(settings, model.unetConfig(component), model.vaeConfig)
  const takesEnd = model.controls(component).includes('end_frame')
  if (loop && !takesEnd && model.autoencoder.relative)
    throw new UserError(`${model.path} cannot make loops: its ${component} takes no end frame; leave loop out`)
  const closing = !loop ? undefined : takesEnd ? 'end frame' : 'seam'
  const geometry = closing === 'end frame' ? { ...asked, frames: asked.frames + 1 } : asked
  const schedule = (sampler === 'consistency' ? consistencySchedule : karrasSchedule)(steps, model.scheduler)
  const guided =
    (guide === 'always' || (!single && component === 'unet')) && isGuided({ min: minGuidance, max: maxGuidance })
  const padding = closing === 'seam' ? LOOP_PADDING : 0
  const decoded = { ...asked, frames: asked.frames + 2 * padding }
  return {
    component,
    geometry,
    sampler,
    schedule,
    startSigma: single ? schedule.sigmas[0]! : schedule.initNoiseSigma,
    guidance: guided ? guidanceScales(minGuidance, maxGuidance, geometry.frames) : undefined,
    maxGuidance,
    motion,
    loop: closing,
    padding,
    chunks: chunkSizes(decoded.frames, decodeChunk ?? defaultChunk(decoded)),
  }
}

/** The networks of a plan, in the order in which they run. */
export interface PlannedNetworks {
  readonly imageEncoder: Network
  readonly vaeEncoder: Network
  readonly unet: Network
  /** Decoders by the number of frames that they take. */
  readonly decoders: ReadonlyMap<number, Network>
  readonly all: readonly Network[]
}

/** The networks that a plan needs, none of them open. */
export function networksOf({ component, geometry, guidance }: Plan, memory: MemoryPlan, model: Model): PlannedNetworks {
  const { frames, height, width, latentHeight, latentWidth } = geometry
  const { lean, chunks, tile = { height: latentHeight, width: latentWidth } } = memory
  const imageEncoder = model.imageEncoder(lean)
  const vaeEncoder = model.vaeEncoder(height, width, lean)
  const batch = guidance && !memory.splitGuidance ? 2 : 1
  const unet = model.unet(component, { batch, frames, height: latentHeight, width: latentWidth }, lean)
  const decoders = new Map(chunks.map((count) => [count, model.vaeDecoder(count, tile.height, tile.width, lean)]))
  return { imageEncoder, vaeEncoder, unet, decoders, all: [imageEncoder, vaeEncoder, unet, ...decoders.values()] }
}

/** Frees the memory of all that are open. */
export async function closeAll(networks: PlannedNetworks | undefined): Promise<void> {
  await Promise.all(networks?.all.map((network) => network.close()) ?? [])
}
