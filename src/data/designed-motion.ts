import type { RgbaFrames } from '../media/frames.js'
import type { Random } from '../runtime/random.js'
import { IDENTITY, moved, paint, type Affine, type Layer, type Pose } from './designed-layer.js'
import { PART_MOTIONS } from './designed-part.js'
import type { Clock } from './designed-timing.js'
import { between, side, WHOLE_MOTIONS, type Box } from './designed-whole.js'

/** Pixels of a side of the squares in whose middles motion is told. */
export const CELL = 16

/** What `designedMotion` may be told. */
export interface DesignedOptions {
  /** Another still of the same size, that may stand beside or behind the first. Needs `scene`. */
  readonly companion?: RgbaFrames
  /**
   * Whether the still may be made smaller, get a companion and a coloured ground. Unless told it stands as it is, on
   * nothing.
   */
  readonly scene?: boolean
}

/** A still that moves. */
export interface DesignedClip {
  /** The first is the picture at rest; without a scene it is the still itself, byte for byte. */
  readonly frames: RgbaFrames
  /**
   * Where the material in the middle of each cell of the first frame has gone, in pixels: (count, 2, height / 16, width
   * / 16), dx then dy. It is that of what is seen there, in front; where all is clear, 0.
   */
  readonly flow: Float32Array
  /** (height / 16, width / 16): 1 where the middle of a cell shows something in the first frame, else 0. */
  readonly seen: Uint8Array
  /** Names of the motions, such as `bounce + nod`. */
  readonly motion: string
  /** Whether the last frame is the first again. */
  readonly loops: boolean
}

/** A figure and how it stands at each frame. */
interface Actor {
  readonly layer: Layer
  readonly poses: readonly Pose[]
  readonly motion: string
}

/** A way to move, at a time in seconds and a strength of 0 to 1. */
type Motion = (seconds: number, strength: number) => Pose

/** How often a clip returns to its start, a part moves in place of the whole, and a part moves beside the whole. */
const [LOOPS, PART_ALONE, PART_TOO] = [0.4, 0.36, 0.3]
/** In a scene: how often the still is made smaller, has a companion, and has a ground. */
const [SMALLER, ACCOMPANIED, GROUND] = [0.5, 0.25, 0.25]
/** How far, in 128ths of a side, a figure may leave the canvas, and what is tried for that: shares of its motion. */
const [BEYOND, STRENGTHS] = [5, [1, 0.8, 0.65, 0.5]]
/** Opacity from which a pixel belongs to a figure. */
const SOLID = 128

/**
 * Moves a still by motions that people want of stickers: of the whole, a part or both, with preparation and ease, at
 * periods of about half a second to two. What leaves the canvas is lost; what comes into view is clear, or the ground.
 *
 * @param still one picture, premultiplied; its sides are multiples of 16
 * @param count frames
 * @param fps frames a second, which the periods go by
 */
export function designedMotion(
  still: RgbaFrames,
  count: number,
  fps: number,
  random: Random,
  { companion, scene = false }: DesignedOptions = {},
): DesignedClip {
  const { width, height } = still
  const clock: Clock = { seconds: (count - 1) / fps, fps, loops: random.uniform() < LOOPS }
  const times = Array.from({ length: count }, (_, frame) => frame / fps)
  const actors = cast(still, scene, companion, random).map((layer, i) => act(layer, i > 0, times, clock, random))
  const ground = scene && random.uniform() < GROUND ? drawGround(width, height, random) : undefined
  const stride = width * height * 4
  const data = new Uint8Array(count * stride)
  for (let frame = 0; frame < count; frame++) {
    const canvas = data.subarray(frame * stride, (frame + 1) * stride)
    if (ground) canvas.set(ground)
    // The figure comes last, in front of its companion.
    for (const { layer, poses } of [...actors].reverse()) paint(canvas, width, height, layer, poses[frame]!)
  }
  return {
    frames: { width, height, count, data },
    ...flowOf(actors, data.subarray(0, stride), width, height, count),
    motion: actors.map(({ motion }) => motion).join(', '),
    loops: clock.loops,
  }
}

/** The figures and their places, from front to back. */
function cast(still: RgbaFrames, scene: boolean, companion: RgbaFrames | undefined, random: Random): Layer[] {
  if (!scene) return [{ picture: still, placement: IDENTITY }]
  const unit = still.width / 128
  if (companion && random.uniform() < ACCOMPANIED) {
    const behind = random.uniform() < 0.5
    const way = side(random)
    // As far to the sides as both stay on the canvas.
    const stand = (picture: RgbaFrames, size: number, off: number, y: number): Layer => ({
      picture,
      placement: placed(picture, size, off * (1 - size) * 64 * unit, y * unit),
    })
    return behind
      ? [
          stand(still, between(0.55, 0.75, random), way * between(0.4, 1, random), between(0, 12, random)),
          stand(companion, between(0.6, 0.9, random), -way * between(0.2, 1, random), between(-10, 4, random)),
        ]
      : [
          stand(still, between(0.4, 0.56, random), way * between(0.8, 1, random), between(0, 12, random)),
          stand(companion, between(0.36, 0.52, random), -way * between(0.8, 1, random), between(-12, 12, random)),
        ]
  }
  if (random.uniform() >= SMALLER) return [{ picture: still, placement: IDENTITY }]
  const size = between(0.6, 0.92, random)
  const room = (1 - size) * 50 * unit
  const [x, y] = [between(-room, room, random), between(-room, room, random)]
  return [{ picture: still, placement: placed(still, size, x, y) }]
}

/** Made smaller about the middle of the canvas, then shifted. */
function placed({ width, height }: RgbaFrames, size: number, x: number, y: number): Affine {
  return [size, 0, 0, size, ((1 - size) * (width - 1)) / 2 + x, ((1 - size) * (height - 1)) / 2 + y]
}

/** Draws a motion for a figure, no stronger than its canvas has room for. */
function act(layer: Layer, aside: boolean, times: readonly number[], clock: Clock, random: Random): Actor {
  const outline = outlineOf(layer)
  const { width, height } = layer.picture
  if (outline.length === 0 || (aside && random.uniform() < 0.5))
    return { layer, poses: times.map(() => ({ whole: IDENTITY })), motion: 'still' }
  const { motion, name } = drawMotion(boxOf(outline, width), clock, random)
  const beyond = (BEYOND * width) / 128
  const leaves = (poses: readonly Pose[]) =>
    poses.some((pose) =>
      outline.some(([x, y]) => {
        const [px, py] = moved(pose, x, y)
        return px < -beyond || py < -beyond || px > width + beyond || py > height + beyond
      }),
    )
  let poses: Pose[] = []
  for (const strength of STRENGTHS) {
    poses = times.map((time, frame) => (frame === 0 ? { whole: IDENTITY } : motion(time, strength)))
    if (!leaves(poses)) break
  }
  return { layer, poses, motion: name }
}

function drawMotion(box: Box, clock: Clock, random: Random): { motion: Motion; name: string } {
  const draw = <T>(kinds: Readonly<Record<string, T>>): [string, T] => {
    const all = Object.entries(kinds)
    return all[random.integer(all.length)]!
  }
  const [partName, partKind] = draw(PART_MOTIONS)
  const [wholeName, wholeKind] = draw(WHOLE_MOTIONS)
  const part = partKind(box, clock, random)
  const whole = wholeKind(box, clock, random)
  const which = random.uniform()
  if (which < PART_ALONE)
    return { name: partName, motion: (time, strength) => ({ whole: IDENTITY, part: part(time, strength) }) }
  if (which >= PART_ALONE + PART_TOO)
    return { name: wholeName, motion: (time, strength) => ({ whole: whole(time, strength) }) }
  // Each a little less, so that together they are not too much.
  return {
    name: `${wholeName} + ${partName}`,
    motion: (time, strength) => ({ whole: whole(time, 0.85 * strength), part: part(time, 0.75 * strength) }),
  }
}

/** Places on the canvas, at rest, that hold the whole figure within them: those furthest in 24 directions. */
function outlineOf({ picture: { width, height, data }, placement }: Layer): [number, number][] {
  const directions = Array.from({ length: 24 }, (_, i) => [Math.cos((i * Math.PI) / 12), Math.sin((i * Math.PI) / 12)])
  const furthest = directions.map(() => -Infinity)
  const found = directions.map((): [number, number] => [0, 0])
  for (let y = 0; y < height; y += 2) {
    for (let x = 0; x < width; x += 2) {
      if (data[4 * (y * width + x) + 3]! < SOLID) continue
      for (const [i, [across, down]] of directions.entries()) {
        const reach = x * across! + y * down!
        if (reach <= furthest[i]!) continue
        furthest[i] = reach
        found[i] = [x, y]
      }
    }
  }
  if (furthest[0] === -Infinity) return []
  return found.map(([x, y]) => moved({ whole: placement }, x, y))
}

function boxOf(outline: readonly [number, number][], width: number): Box {
  const [xs, ys] = [outline.map(([x]) => x), outline.map(([, y]) => y)]
  return {
    left: Math.min(...xs),
    right: Math.max(...xs),
    top: Math.min(...ys),
    bottom: Math.max(...ys),
    unit: width / 128,
  }
}

/** An opaque ground: light more often than dark, of one colour or of two from top to bottom. */
function drawGround(width: number, height: number, random: Random): Uint8Array {
  const colour = () => {
    const light = random.uniform() < 0.75 ? between(150, 235, random) : between(20, 110, random)
    return [0, 1, 2].map(() => Math.min(255, Math.max(0, light + between(-45, 45, random))))
  }
  const top = colour()
  const bottom = random.uniform() < 0.5 ? colour() : top
  const data = new Uint8Array(width * height * 4)
  for (let y = 0; y < height; y++) {
    const share = y / Math.max(1, height - 1)
    const row = [0, 1, 2].map((c) => Math.round(top[c]! + share * (bottom[c]! - top[c]!)))
    for (let x = 0; x < width; x++) data.set([...row, 255], 4 * (y * width + x))
  }
  return data
}

function flowOf(actors: readonly Actor[], first: Uint8Array, width: number, height: number, count: number) {
  const [columns, rows] = [width / CELL, height / CELL]
  const flow = new Float32Array(count * 2 * rows * columns)
  const seen = new Uint8Array(rows * columns)
  for (let cell = 0; cell < rows * columns; cell++) {
    const [x, y] = [(cell % columns) * CELL + (CELL - 1) / 2, Math.floor(cell / columns) * CELL + (CELL - 1) / 2]
    // The middle lies between four pixels; the one right below it stands for them.
    seen[cell] = first[4 * (Math.ceil(y) * width + Math.ceil(x)) + 3]! >= SOLID ? 1 : 0
    const actor = actors.find(({ layer }) => opacityAt(layer, x, y) >= SOLID)
    for (let frame = 0; actor && frame < count; frame++) {
      const [px, py] = moved(actor.poses[frame]!, x, y)
      flow[frame * 2 * rows * columns + cell] = px - x
      flow[(frame * 2 + 1) * rows * columns + cell] = py - y
    }
  }
  return { flow, seen }
}

/** Opacity, 0 to 255, of a figure at a place on the canvas, at rest. */
function opacityAt({ picture: { width, height, data }, placement: [a, b, c, d, e, f] }: Layer, x: number, y: number) {
  const det = a * d - b * c
  const [px, py] = [Math.round((d * (x - e) - c * (y - f)) / det), Math.round((a * (y - f) - b * (x - e)) / det)]
  return px < 0 || py < 0 || px >= width || py >= height ? 0 : data[4 * (py * width + px) + 3]!
}
