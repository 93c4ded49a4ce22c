import { UserError } from '../errors.js'
import type { ClipContent } from '../media/clip.js'
import { frameAt, type Picture } from '../media/frames.js'
import { concatenated } from '../runtime/concatenated.js'
import { describeClip } from './describe.js'
import { planesOf } from '../svd/condition.js'
import { controlsFor, endsOf, heldBefore, heldEnds, pinEnds } from './ends.js'
import { isFiniteArray } from '../svd/finite.js'
import { fitPicture } from './fit.js'
import { denoiseClip, Job } from './job.js'
import { describeMemory, planMemory, type MemoryLimits, type MemoryPlan } from './memory-plan.js'
import type { Model } from '../svd/model.js'
import { noiseSource } from './noise.js'
import { closeAll, planGeneration, type Plan, type PlannedNetworks } from './plan.js'
import { decodedFrames } from '../svd/preprocess.js'
import type { AnimateProgress } from './progress.js'
import type { CheckedEdit, CheckedSettings } from './settings.js'
import { steeringOf, type Steering } from './steer.js'
import { withStill } from './still.js'

/** What the making of any clip may be told beside its settings. */
export interface MakingOptions {
  /** Noise of unit variance that the denoising starts from, (f, c, h, w). Default: drawn from the seed. */
  readonly latents?: Float32Array
  /** Noise of unit variance for the augmentation of the picture, (3, height, width). Default: drawn from the seed. */
  readonly imageNoise?: Float32Array
  readonly onProgress?: (progress: AnimateProgress) => void
  /** Ends the work between two runs of a network, with the signal's reason as the error. */
  readonly signal?: AbortSignal
}

/** What a clip is made of beside the picture. */
export interface Sources {
  /** A clip that is edited: its frames, and their opacity where it has any. */
  readonly original?: Pick<ClipContent, 'frames' | 'alpha'> | undefined
  readonly end?: Picture | undefined
  readonly still?: Picture | undefined
  readonly moving?: Picture | undefined
  /** What is known already, where the clip goes on from another. */
  readonly before?: Before | undefined
}

/** What a clip goes on from, which begins with the last frames of another. */
export interface Before {
  /** What the image encoder is shown in place of the picture. */
  readonly shown: Picture
  /** Its first frames. */
  readonly frames: readonly Picture[]
  /** Their latents, scaled, (c, h, w) each; left out where latents are relative to the picture. */
  readonly latents?: readonly Float32Array[] | undefined
}

/** A clip that is not yet decoded. */
export interface Denoised {
  /** (f, c, h, w), scaled. */
  readonly latents: Float32Array
  /** The picture, fitted. */
  readonly first: Picture
  readonly plan: Plan
  readonly job: Job
  readonly steering: Steering
  readonly seed: number
}

/** What clips are made with. */
export interface Context {
  readonly model: Model
  readonly lowMemory: boolean
  readonly limits: MemoryLimits
  readonly networksFor: (plan: Plan, memory: MemoryPlan) => Promise<PlannedNetworks>
}

const UNSTEERED: Steering = { still: undefined, hints: undefined, rough: [], until: new Int32Array(0) }

/**
 * Makes one clip: encodes the pictures, walks from noise, decodes.
 *
 * @throws UserError when the model cannot make such a clip, or its weights do not fit its configuration.
 */
export async function makeClip(
  context: Context,
  picture: Picture,
  settings: CheckedSettings | CheckedEdit,
  making: MakingOptions,
  sources: Sources,
): Promise<ClipContent> {
  const { model } = context
  const { latents, first, plan, job, steering, seed } = await denoisedClip(context, picture, settings, making, sources)
  const shown = plan.loop ? latents.subarray(0, latents.length - latents.length / plan.geometry.frames) : latents
  const made = await decodedClip(job, plan, model, shown, first, !first.alpha && !sources.original?.alpha)
  const kept = steering.still ? withStill(made, steering.still, first) : made
  return { ...kept, fps: settings.fps, metadata: describeClip(settings, plan, seed, model.path) }
}

/**
 * Decodes latents (f, c, h, w), scaled.
 *
 * @param first what they are relative to, where they are
 * @param opaque whether nothing of it is transparent
 */
export async function decodedClip(
  job: Job,
  { geometry: { height, width } }: Plan,
  { autoencoder }: Model,
  latents: Float32Array,
  first: Picture,
  opaque: boolean,
): Promise<Pick<ClipContent, 'frames' | 'alpha'>> {
  const relative = autoencoder.relative ? planesOf(first, { height, width }, autoencoder) : undefined
  return decodedFrames(await job.decode(latents, relative), { height, width }, autoencoder, opaque)
}

/**
 * The same up to the latents that are to be decoded.
 *
 * @throws UserError as `makeClip` does.
 */
export async function denoisedClip(
  { model, lowMemory, limits, networksFor }: Context,
  picture: Picture,
  settings: CheckedSettings | CheckedEdit,
  { latents, imageNoise, onProgress, signal }: MakingOptions,
  { original, end, still, moving, before }: Sources,
): Promise<Denoised> {
  const masks = { still, moving }
  const plan = planGeneration(settings, model, { end: !!end, masks: !!still || !!moving })
  const isStudent = plan.component !== 'unet' || settings.network !== undefined || plan.sampler === 'consistency'
  if (settings.steps === 1 && !isStudent) {
    const message = `${model.path} has no student, which is trained for one step; its unet wants about 25 steps, and one will be blurred`
    onProgress?.({ type: 'warning', message })
  }
  const { frames, height, width, latentHeight, latentWidth } = plan.geometry
  const seed = settings.seed ?? crypto.getRandomValues(new Uint32Array(1))[0]!
  const pixels = model.autoencoder.channels * height * width
  const draw = noiseSource(settings.generator, seed)
  const pictureNoise = given(imageNoise, pixels, 'imageNoise') ?? draw('picture', pixels)
  const values = frames * model.vaeConfig.latentChannels * latentHeight * latentWidth
  const noise = given(latents, values, 'latents') ?? draw('latents', values)
  const fitted = (image: Picture) => fitPicture(image, width, height, settings.fit)
  const first = fitted(picture)
  const last = end && fitted(end)
  const steering = 'motions' in settings ? steeringOf(plan, model, settings, picture, first, masks) : UNSTEERED
  const ends = original ? [] : endsOf(plan, model, first, last)
  // A loop of an edited clip goes on to the frame that the clip begins with.
  const clip = original
    ? Array.from({ length: frames }, (_, i) =>
        fitted(frameAt(original.frames, plan.loop && i === frames - 1 ? 0 : i, original.alpha)),
      )
    : steering.rough

  // What is known by its latents need not be encoded.
  const overlap = before && !before.latents ? before.frames.map(fitted) : []

  const memory = await planMemory(plan, model, limits, settings.decodeChunk)
  const message = describeMemory(memory, plan)
  if (message !== undefined) onProgress?.({ type: 'memory', message, plan: memory })
  const oneAtATime = lowMemory || memory.oneAtATime
  const networks = await networksFor(plan, memory)
  if (oneAtATime) await closeAll(networks)
  const job = new Job(model, settings, plan, { ...memory, oneAtATime }, networks, (stage, done, total) => {
    onProgress?.({ type: 'stage', stage, done, total })
    signal?.throwIfAborted()
  })
  await job.prepare()
  const encoded = await job.encode(first, pictureNoise, {
    known: [...ends, ...clip, ...overlap],
    base: original && clip[0],
    backward: plan.bound === 'fused' ? (last ?? first) : undefined,
    shown: before?.shown,
    latents: before?.latents?.[0],
  })
  // Relative to the frame that it begins with, the end of an edited loop is known too: they are the same.
  const closes = original && plan.bound === 'told' && model.autoencoder.relative
  const known = closes ? [encoded.latents[0]!, encoded.latents[0]!] : encoded.latents.slice(0, ends.length)
  const { scalingFactor } = model.vaeConfig
  const others = encoded.latents.slice(ends.length).map((each) => each.map((value) => scalingFactor * value))
  const followed = clip.length === 0 ? undefined : concatenated(others.slice(0, clip.length))
  const earlier = before?.latents ?? others.slice(clip.length)
  const heldParts = steering.rough.length === 0 ? [] : [{ latents: followed!, until: steering.until }]
  const clean = await denoiseClip(job, noise, draw, {
    condition: { ...encoded.condition, controls: controlsFor(plan, model, known, steering.hints) },
    backward: encoded.backward && { ...encoded.backward, controls: controlsFor(plan, model, []) },
    clip: original || plan.fromRough ? followed : undefined,
    held: [...heldParts, ...heldEnds(plan, known, scalingFactor), ...heldBefore(plan, earlier)],
  })
  pinEnds(clean, known, scalingFactor)
  return { latents: clean, first, plan, job, steering, seed }
}

/** Values that the caller gave, if their number is right and all are finite. */
function given(values: Float32Array | undefined, size: number, name: string): Float32Array | undefined {
  if (values && values.length !== size) throw new UserError(`${name} has ${values.length} values; give ${size}`)
  if (values && !isFiniteArray(values)) throw new UserError(`${name} has values that are no numbers; give finite ones`)
  return values
}
