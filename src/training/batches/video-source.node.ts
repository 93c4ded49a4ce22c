import { ClipStore } from '../../data/store.node.js'
import { BlockMatcher } from '../../data/block-matching.js'
import { CELL, designedMotion } from '../../data/designed-motion.js'
import { UserError } from '../../errors.js'
import { type RgbaFrames } from '../../media/frames.js'
import { type Size } from '../../media/resize.js'
import { type Random } from '../../runtime/random.js'
import { type Scope } from '../../runtime/scope.js'
import { CHANNEL_ORDERS } from './pixels.js'
import { changedRgba, type RgbaChange } from './rgba.js'

/** Where videos come from, and how they are drawn. */
export interface VideoSourceOptions {
  /** Folder of a clip store. */
  readonly data: string
  /** Folders of stores of stills, which are given a designed motion. */
  readonly stills: readonly string[]
  readonly frames: number
  /** Frames a second of a video, from and to; none: the rate of the store. */
  readonly rates?: readonly [number, number] | undefined
  /** Share of videos that are clips played backwards. */
  readonly reversed: number
  /** Share of videos that are altered: half of those mirrored, a quarter in other colours, a quarter on another ground. */
  readonly augmentation: number
  /** Share of videos that are stills with a designed motion, where there are stills. */
  readonly stillsShare: number
  /** Whether it is wanted how their parts move, which takes a search. */
  readonly motion: boolean
}

/** A video to learn from. */
export interface DrawnVideo {
  readonly name: string
  readonly frames: RgbaFrames
  /** Frames a second. */
  readonly fps: number
  /**
   * Where the material in the middle of each cell of `CELL` pixels of the first frame has gone, in pixels, and 1 where that
   * is known: (frames, 3, height / CELL, width / CELL). Left out where it is not wanted.
   */
  readonly motion?: Float32Array
}

const [MIRRORED, OTHER_COLOURS, OTHER_GROUND] = [0.5, 0.25, 0.25]
/** Share of designed motions that have a scene: a smaller figure, a second one, a ground. */
const SCENES = 0.5

/** Draws videos: windows of clips at several rates, and stills that are moved by design. */
export class VideoSource {
  private constructor(
    readonly store: ClipStore,
    private readonly stills: StillSource | undefined,
    private readonly options: VideoSourceOptions,
    /** Clips that are long enough for the fastest window. */
    private readonly clips: readonly number[],
  ) {}

  /**
   * Opens the stores' training splits.
   *
   * @throws UserError when stores differ in size, that is none of whole cells where it must be, the rates are none that the clips
   *   can be shown at, or no clip is long enough.
   */
  static async open(scope: Scope, options: VideoSourceOptions): Promise<VideoSource> {
    const { data, frames, rates, motion } = options
    const store = scope.own(await ClipStore.open(data, ['train'], 1))
    const { width, height } = store
    const stills = options.stills.length > 0 ? await StillSource.open(scope, options.stills, store, data) : undefined
    if ((stills || motion) && (width % CELL !== 0 || height % CELL !== 0))
      throw new UserError(
        `${data} has clips of ${width}x${height}; stills and motion hints need sides that are multiples of ${CELL}`,
      )
    const fastest = rates?.[1] ?? store.fps
    if (fastest > store.fps || (rates && rates[0] > rates[1]))
      throw new UserError(
        `recipe field rates is ${rates!.join(', ')}, but ${data} has ${store.fps} frames a second; give two rising rates up to that`,
      )
    const wanted = span(frames, store.fps, fastest)
    const clips = store.clips.flatMap(({ sizes }, i) => (sizes.length >= wanted ? [i] : []))
    if (clips.length === 0)
      throw new UserError(
        `${data} has no clip of ${wanted} frames for training; give a store with longer clips, or ask for fewer frames`,
      )
    return new VideoSource(store, stills, options, clips)
  }

  /** A video. */
  async draw(random: Random): Promise<DrawnVideo> {
    const { stillsShare, augmentation } = this.options
    const still = this.stills && random.uniform() < stillsShare
    const change = random.uniform() < augmentation ? drawChange(random) : {}
    if (!still) return this.window(random, change)
    const { frames, rates } = this.options
    const fps = rates ? rates[0] + (rates[1] - rates[0]) * random.uniform() : this.store.fps
    const { motion, ...video } = await this.stills.moved(random, change, frames, fps)
    return this.options.motion ? { ...video, motion } : video
  }

  private async window(random: Random, change: RgbaChange): Promise<DrawnVideo> {
    const { frames, rates, reversed } = this.options
    const { store } = this
    const clip = this.clips[random.integer(this.clips.length)]!
    const length = store.length(clip)
    const [low, high] = rates ?? [store.fps, store.fps]
    // A short clip is shown at the rates that it has enough frames for.
    const slowest = Math.max(low, ((frames - 1) * store.fps) / Math.max(1, length - 1))
    const fps = Math.min(high, slowest + (Math.max(high, slowest) - slowest) * random.uniform())
    const start = random.integer(length - span(frames, store.fps, fps) + 1)
    const numbers = Array.from({ length: frames }, (_, i) => start + Math.round((i * store.fps) / fps))
    const backwards = random.uniform() < reversed
    const taken = await store.rgba(clip, backwards ? numbers.reverse() : numbers)
    const name = `${store.clips[clip]!.name} from frame ${start}`
    const changed = changedRgba(taken, change)
    return { name, frames: changed, fps, ...(this.options.motion && { motion: matched(changed) }) }
  }
}

/** Frames of a store that a window of `frames` at `fps` reaches over. */
const span = (frames: number, storeFps: number, fps: number) => Math.round(((frames - 1) * storeFps) / fps) + 1

/** Stores of stills, each still as likely as any other. */
export class StillSource {
  private constructor(private readonly stores: readonly ClipStore[]) {}

  /**
   * Opens the training splits of stores.
   *
   * @param size that they must have, and `named` whose it is
   * @throws UserError when one has another size.
   */
  static async open(scope: Scope, folders: readonly string[], size: Size, named: string): Promise<StillSource> {
    const stores: ClipStore[] = []
    for (const folder of folders) {
      const store = scope.own(await ClipStore.open(folder))
      if (store.width !== size.width || store.height !== size.height)
        throw new UserError(
          `${folder} has pictures of ${store.width}x${store.height}, ${named} clips of ${size.width}x${size.height}; make both with one --size`,
        )
      stores.push(store)
    }
    return new StillSource(stores)
  }

  /** A still, changed, with a designed motion, some of them in a scene. */
  async moved(random: Random, change: RgbaChange, frames: number, fps: number): Promise<DrawnVideo> {
    const [store, which] = this.choose(random)
    const scene = random.uniform() < SCENES
    const [others, other] = this.choose(random)
    // The ground stands still: it is laid behind what has moved.
    const { ground, ...drawn } = change
    const still = changedRgba(await store.rgba(which, [0]), drawn)
    const options = scene ? { scene, companion: await others.rgba(other, [0]) } : {}
    const moved = designedMotion(still, frames, fps, random, options)
    const moving = ground ? changedRgba(moved.frames, { ground }) : moved.frames
    return { name: `${store.clips[which]!.name}, ${moved.motion}`, frames: moving, fps, motion: known(moved) }
  }

  private choose(random: Random): [ClipStore, number] {
    let which = random.integer(this.stores.reduce((total, { clips }) => total + clips.length, 0))
    for (const store of this.stores) {
      if (which < store.clips.length) return [store, which]
      which -= store.clips.length
    }
    throw new Error('there are no stills')
  }
}

/** A change into what might as well have been drawn. */
export function drawChange(random: Random): RgbaChange {
  const level = () => random.integer(256)
  const mirror = random.uniform() < MIRRORED
  const channels = CHANNEL_ORDERS[random.uniform() < OTHER_COLOURS ? random.integer(CHANNEL_ORDERS.length) : 0]!
  return { mirror, channels, ...(random.uniform() < OTHER_GROUND && { ground: [level(), level(), level()] }) }
}

/** How the cells of a real clip move, as far as it can be found: (frames, 3, h, w). */
function matched(frames: RgbaFrames): Float32Array {
  const matcher = new BlockMatcher(frames)
  const plane = (frames.height / CELL) * (frames.width / CELL)
  const motion = new Float32Array(frames.count * 3 * plane)
  for (let frame = 0; frame < frames.count; frame++) {
    const { flow, reliable } = matcher.match(frame)
    motion.set(flow, 3 * frame * plane)
    motion.set(reliable, (3 * frame + 2) * plane)
  }
  return motion
}

/** Flows (frames, 2, h, w) with the places where they are known: (frames, 3, h, w). */
function known({ frames, flow, seen }: { frames: RgbaFrames; flow: Float32Array; seen: Uint8Array }): Float32Array {
  const plane = (frames.height / CELL) * (frames.width / CELL)
  const motion = new Float32Array(frames.count * 3 * plane)
  for (let frame = 0; frame < frames.count; frame++) {
    motion.set(flow.subarray(2 * frame * plane, 2 * (frame + 1) * plane), 3 * frame * plane)
    motion.set(seen, (3 * frame + 2) * plane)
  }
  return motion
}
