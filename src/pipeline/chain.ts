import { UserError } from '../errors.js'
import type { ClipContent } from '../media/clip.js'
import { frameAt, type Picture } from '../media/frames.js'
import { resizePicture } from '../media/lanczos.js'
import { concatenated } from '../runtime/concatenated.js'
import { describeClip } from './describe.js'
import { boundOf } from './ends.js'
import { fitPicture } from './fit.js'
import { Hold } from './chain-hold.js'
import {
  decodedClip,
  denoisedClip,
  type Before,
  type Context,
  type Denoised,
  type MakingOptions,
  type Sources,
} from './make-clip.js'
import { forwardsOf, planGeneration } from './plan.js'
import type { AnimateProgress } from './progress.js'
import type { CheckedSettings } from './settings.js'
import { stillPixels, withStill } from './still.js'

/** Most frames that a link shares with the one before it. */
const OVERLAP = 3

/** The settings of all links. */
export type LinkSettings = Omit<CheckedSettings, 'motions' | 'seconds'>

/** What a chain begins with. */
export interface Beginning {
  /** Its first frames; one where it is made of a picture. */
  readonly pictures: readonly Picture[]
  /** How many frames it is to have, or how many links. */
  readonly until: { readonly frames: number } | { readonly links: number }
}

/** Where links begin, by frames of the chain; each is `per` frames long, and the last ends where the chain does. */
export function linkStarts(begun: number, until: Beginning['until'], per: number): number[] {
  const overlap = overlapOf(per)
  const starts: number[] = []
  let end = begun > 1 ? begun : 0
  const isEnough = () => ('links' in until ? starts.length >= until.links : end >= until.frames)
  while (!isEnough()) {
    const start = Math.max(0, end - overlap)
    starts.push('frames' in until ? Math.max(0, Math.min(start, until.frames - per)) : start)
    end = starts.at(-1)! + per
  }
  return starts
}

/** Frames that links of a length share. */
function overlapOf(per: number): number {
  return Math.min(OVERLAP, per >> 1)
}

/**
 * Makes a clip longer than the model makes at once: links, each of which begins with the last frames of the one before. What they
 * share is blended in latents. All are held to the first picture: the image encoder sees it in every link, and so does a decoder
 * that copies from a picture; what else holds is in `chain-hold`. The last link may end with a given picture, or with the first.
 *
 * @throws UserError when the model cannot make such a clip.
 */
export async function makeChain(
  context: Context,
  { pictures, until }: Beginning,
  settings: LinkSettings,
  { latents, imageNoise, onProgress, signal }: MakingOptions,
  { end, still, moving }: Omit<Sources, 'original' | 'before'>,
): Promise<ClipContent> {
  if (latents ?? imageNoise)
    throw new UserError('latents and imageNoise are of one clip; leave them out of a longer one')
  const { model } = context
  const { loop, fit } = settings
  const seed = settings.seed ?? crypto.getRandomValues(new Uint32Array(1))[0]!
  const linkOf = (link: number): CheckedSettings => ({ ...settings, loop: false, motions: [], seed: seed + link })
  const { component, geometry } = planGeneration(linkOf(0), model, { end: loop || !!end })
  boundOf(model, component, loop, !!end)
  const { width, height, frames: per } = geometry
  if (per < 2) throw new UserError('frames is 1; a longer clip takes links of at least 2 frames')

  const hasAlpha = model.autoencoder.pixels === 'rgba' && pictures[0]!.alpha !== undefined
  const fitted = (picture: Picture): Picture => {
    const { data, alpha } = resizePicture(fitPicture(picture, width, height, fit), width, height)
    return { width, height, data, ...(hasAlpha && { alpha: alpha ?? new Uint8Array(width * height).fill(255) }) }
  }
  const anchor = fitted(pictures[0]!)
  const chain = pictures.length > 1 ? pictures.map(fitted) : []
  const standing = stillPixels({ still, moving }, pictures[0]!, geometry, fit)
  const mask = standing && {
    width,
    height,
    data: Uint8Array.from({ length: 3 * standing.length }, (_, i) => 255 * standing[Math.floor(i / 3)]!),
  }
  // A loop is a frame longer, and that frame, its first picture, left out.
  const total = 'frames' in until && loop ? { frames: until.frames + 1 } : until
  const starts = linkStarts(chain.length, total, per)
  const overlap = overlapOf(per)
  const hold = new Hold(model, anchor, overlap)

  let quiet = false
  let forwards = 0
  let made: Denoised | undefined
  for (const [link, start] of starts.entries()) {
    const isLast = link === starts.length - 1
    const first = chain[start] ?? anchor
    const before: Before | undefined =
      start === 0 && chain.length === 0
        ? undefined
        : { shown: anchor, frames: chain.slice(start, start + overlap), latents: hold.known(start) }
    const report = (progress: AnimateProgress) => {
      if (quiet || (link > 0 && progress.type !== 'stage')) return
      onProgress?.(progress.type === 'stage' ? { ...progress, link: link + 1, links: starts.length } : progress)
    }
    const last = isLast ? (loop ? anchor : end) : undefined
    made = await denoisedClip(
      context,
      first,
      linkOf(link),
      { onProgress: report, signal },
      { end: last, still: mask, before },
    )
    const { job, plan } = made
    forwards += forwardsOf(plan, plan.schedule.timesteps.length)
    quiet = true
    const held = await hold.hold(made, start, chain, last && fitted(last))
    quiet = false
    const decoded = await decodedClip(job, plan, model, held, anchor, !hasAlpha)
    const { frames, alpha } = standing ? withStill(decoded, standing, anchor) : decoded
    for (let i = 0; i < per; i++) chain[start + i] = frameAt(frames, i, alpha)
  }
  if (loop) chain.pop()
  const data = concatenated(chain.map((picture) => picture.data))
  const told = describeClip({ ...linkOf(0), loop }, made!.plan, seed, model.path)
  return {
    frames: { width, height, count: chain.length, data },
    ...(hasAlpha && { alpha: concatenated(chain.map(({ alpha }) => alpha!)) }),
    fps: settings.fps,
    metadata: { ...told, forwards: `${forwards}`, links: `${starts.length}` },
  }
}
