import {
  consistencySchedule,
  generatorSchedule,
  guidanceScales,
  isGuided,
  karrasSchedule,
  type Schedule,
} from '../diffusion/index.js'
import { chunkSizes } from '../svd/decode.js'
import { boundOf } from './ends.js'
import { defaultChunk, geometryOf, type Geometry } from './geometry.js'
import type { MemoryPlan } from './memory-plan.js'
import type { Model } from '../svd/model.js'
import type { Network } from '../svd/network.js'
import type { CheckedEdit, CheckedSettings } from './settings.js'

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
  /** How the clip is brought to a last frame, where one is given or it is a loop. */
  readonly bound: 'told' | 'fused' | undefined
  /** Whether the clip is made a frame longer, ending with the picture that it begins with, and that frame left out. */
  readonly loop: boolean
  /** How many of the first steps are taken twice, so that both directions of a fused clip come to agree. */
  readonly resampled: number
  /** Whether the walk begins with a rough clip under noise. */
  readonly fromRough: boolean
  /** After how many steps what is dragged in that clip is let go. */
  readonly letGo: number
  /** Frames of each chunk that is decoded. */
  readonly chunks: readonly number[]
}

/** Share of the steps that are taken twice where two directions are fused: while layout and motion are decided. */
const RESAMPLED = 0.5
/**
 * Shares of the steps after which Time-to-Move starts to denoise a rough clip, outside of what is dragged and within it: for SVD
 * its authors give 16 and 21 of 50, noise levels of about 75 and 31.
 */
const CLOCKS = [16 / 50, 21 / 50] as const
/** Steps below which a clip cannot be steered from step to step: fewer become that many. */
const FEW = 3

/** What a clip is made of beside its picture and settings. */
export interface Given {
  /** Whether a picture is given that it ends with. */
  readonly end?: boolean
  /** Whether masks are given that say what stands still. */
  readonly masks?: boolean
}

/**
 * Plans a generation. One step is SF-V's single forward: the student (where there is one) from x = sigmaMax noise, without
 * guidance. More steps are `StableVideoDiffusionPipeline`: SVD's UNet from sqrt(sigmaMax^2 + 1) noise, with guidance. Where two
 * directions are fused, one step becomes a walk over the levels that the student was trained at.
 *
 * @throws UserError when the model cannot make such a clip, or the guidance cannot be.
 */
export function planGeneration(settings: CheckedSettings | CheckedEdit, model: Model, given: Given = {}): Plan {
  const { steps, network, guide, minGuidance, decodeChunk, loop } = settings
  const { sampler = model.scheduler.consistency ? 'consistency' : 'euler' } = settings
  const usual = { motion: 127, maxGuidance: sampler === 'euler' ? 3 : 1.5, ...model.defaults }
  const { motion = usual.motion, maxGuidance = usual.maxGuidance } = settings
  const single = steps === 1
  const component = network ?? (single && model.hasStudent ? 'student' : 'unet')
  const asked = geometryOf(settings, model.unetConfig(component), model.vaeConfig)
  const bound = boundOf(model, component, loop, given.end ?? false)
  const geometry = loop ? { ...asked, frames: asked.frames + 1 } : asked
  const drags = 'motions' in settings && settings.motions.length > 0
  const follows = (drags || given.masks === true) && !model.controls(component).includes('motion_hints')
  const walk = scheduleOf(sampler, (bound === 'fused' || follows) && steps < FEW ? undefined : steps, model)
  const levels = walk.timesteps.length
  const [loosely, closely] = CLOCKS.map((share) => Math.round(share * levels)) as [number, number]
  const skipped = drags && follows ? loosely : 0
  const guided =
    (guide === 'always' || (!single && component === 'unet')) && isGuided({ min: minGuidance, max: maxGuidance })
  return {
    component,
    geometry,
    sampler,
    schedule: skipped === 0 ? walk : scheduleAfter(walk, skipped),
    startSigma: single ? walk.sigmas[0]! : walk.initNoiseSigma,
    guidance: guided ? guidanceScales(minGuidance, maxGuidance, geometry.frames) : undefined,
    maxGuidance,
    motion,
    bound,
    loop,
    resampled: bound === 'fused' && !walk.renoising ? Math.max(0, Math.floor(RESAMPLED * levels) - skipped) : 0,
    fromRough: skipped > 0,
    letGo: Math.max(closely, loosely + 1) - loosely,
    chunks: chunkSizes(asked.frames, decodeChunk ?? defaultChunk(asked)),
  }
}

/** The levels of a walk; without `steps` as few as a clip takes that is steered from step to step. */
function scheduleOf(sampler: Plan['sampler'], steps: number | undefined, { scheduler }: Model): Schedule {
  if (sampler === 'consistency') return consistencySchedule(steps ?? FEW, scheduler)
  return steps === undefined ? generatorSchedule(scheduler) : karrasSchedule(steps, scheduler)
}

/** What is left of a walk after its first steps. */
function scheduleAfter({ sigmas, timesteps, renoising, initNoiseSigma }: Schedule, steps: number): Schedule {
  const left = { sigmas: sigmas.subarray(steps), timesteps: timesteps.subarray(steps), initNoiseSigma }
  return renoising ? { ...left, renoising: renoising.subarray(steps) } : left
}

/**
 * How often the UNet runs on a clip: for each step, again where it is taken again, once in each direction of a fused clip, and
 * twice with guidance.
 *
 * @param steps of the walk
 */
export function forwardsOf({ bound, resampled, guidance }: Plan, steps: number): number {
  return (steps + resampled) * (bound === 'fused' ? 2 : 1) * (guidance ? 2 : 1)
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
