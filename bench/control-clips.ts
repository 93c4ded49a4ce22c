import { ClipStore } from '../src/data/store.node.js'
import { onWhite } from '../src/media/clip-frame.js'
import type { ClipContent } from '../src/media/clip.js'
import { frameAt, type Frames, type Picture, type RgbaFrames } from '../src/media/frames.js'
import { figureAlpha } from '../src/media/key-white.js'
import { withAlpha } from '../src/media/rgba.js'
import { Random } from '../src/runtime/random.js'

/** A real clip, at 7 pictures per second. */
export interface RealClip {
  /** Premultiplied. */
  readonly rgba: RgbaFrames
  /** The first of them. */
  readonly first: Picture
  readonly last: Picture
}

/** Pictures per second that clips are compared at. */
const FPS = 7

/**
 * Real clips of the test split, at random but always the same, those of a smaller number among them.
 *
 * @param frames of each
 * @throws UserError when the folder has no store, or none of such clips.
 */
export async function realClips(folder: string, count: number, frames: number): Promise<RealClip[]> {
  const probe = await ClipStore.open(folder, ['test'], 1)
  const stride = Math.max(1, Math.round(probe.fps / FPS))
  await probe.close()
  const store = await ClipStore.open(folder, ['test'], (frames - 1) * stride + 1)
  const random = new Random(0, 'clips to steer')
  const order = store.clips.map((_, clip) => ({ clip, place: random.uniform() })).sort((a, b) => a.place - b.place)
  const places = Array.from({ length: frames }, (_, i) => i * stride)
  const clips: RealClip[] = []
  for (const { clip } of order.slice(0, count)) {
    const rgba = await store.rgba(clip, places)
    clips.push({ rgba, first: pictureAt(rgba, 0), last: pictureAt(rgba, frames - 1) })
  }
  await store.close()
  return clips
}

/** One picture of a row with transparency. */
export function pictureAt({ width, height, data }: RgbaFrames, index: number): Picture {
  const stride = 4 * width * height
  return onWhite(data.subarray(index * stride, (index + 1) * stride), width, height, true)
}

/** The same as one picture of a row: premultiplied, cut out of white where it is opaque. */
export function rgbaOf({ frames, alpha }: Pick<ClipContent, 'frames' | 'alpha'>): RgbaFrames {
  const opacity = alpha ?? figureAlpha(frames)
  const data = withAlpha(frames, opacity)
  for (let i = 0; i < data.length; i += 4)
    for (let c = 0; c < 3; c++) data[i + c] = Math.max(0, data[i + c]! - 255 + data[i + 3]!)
  return { ...frames, data }
}

/** Some frames of a clip, as a row of their own. */
export function someFrames(clip: Frames, places: readonly number[]): Frames {
  const data = new Uint8Array(places.length * 3 * clip.width * clip.height)
  for (const [i, place] of places.entries()) data.set(frameAt(clip, place).data, i * 3 * clip.width * clip.height)
  return { ...clip, count: places.length, data }
}
