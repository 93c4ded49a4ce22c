import type { Random } from '../runtime/random.js'
import { about, after, type Affine } from './designed-layer.js'
import { keyed, oneWay, period, poses, pushed, repeated, sway, type Clock } from './designed-timing.js'

/** Where a figure is on the canvas at rest, in pixels: the box around what is not clear. */
export interface Box {
  readonly left: number
  readonly top: number
  readonly right: number
  readonly bottom: number
  /** A 128th of the canvas: amounts are in this. */
  readonly unit: number
}

/** A motion of a whole figure at a time in seconds; `strength` from 0 to 1 makes it smaller. */
export type WholeMotion = (seconds: number, strength: number) => Affine

/** Draws how a figure moves. */
type WholeKind = (box: Box, clock: Clock, random: Random) => WholeMotion

/** A number from `low` to `high`. */
export function between(low: number, high: number, random: Random): number {
  return low + (high - low) * random.uniform()
}

/** -1 or 1. */
export function side(random: Random): number {
  return random.uniform() < 0.5 ? -1 : 1
}

function shifted(x: number, y: number): Affine {
  return [1, 0, 0, 1, x, y]
}

function turned(x: number, y: number, angle: number): Affine {
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)]
  return about(x, y, cos, sin, -sin, cos)
}

function scaled(x: number, y: number, across: number, down: number): Affine {
  return about(x, y, across, 0, 0, down)
}

/** The middle of a box. */
export function middle({ left, right, top, bottom }: Box): [number, number] {
  return [(left + right) / 2, (top + bottom) / 2]
}

/**
 * Crouch, leap, land, and shake off: height above the ground, -1 (crouched) to 1 (at the top); then the squash alone.
 */
const LEAP_SQUASH = keyed([
  [0, 0],
  [0.16, 0.9],
  [0.27, -0.7],
  [0.5, 0],
  [0.72, -0.6],
  [0.82, 1],
  [0.92, -0.25],
  [1, 0],
])
/** When a leap leaves the ground and meets it again, in shares of its time. */
const [TAKE_OFF, TOUCH_DOWN] = [0.22, 0.76]
/** Two beats of a heart. */
const HEARTBEAT = keyed([
  [0, 0],
  [0.12, 1],
  [0.26, 0.15],
  [0.4, 0.75],
  [0.7, -0.08],
  [1, 0],
])
const TURN_ONCE = keyed([
  [0, 0],
  [0.16, -0.05],
  [0.82, 1.03],
  [1, 1],
])

/** The motions that people want of stickers, of the whole figure. */
export const WHOLE_MOTIONS: Readonly<Record<string, WholeKind>> = {
  shift: ({ unit }, clock, random) => {
    const curve = poses(0.6, 1.6, clock, random)
    const angle = 2 * Math.PI * random.uniform()
    const amount = between(8, 22, random) * unit
    return (t, s) => shifted(s * amount * Math.cos(angle) * curve(t), s * amount * Math.sin(angle) * curve(t))
  },
  turn: (box, clock, random) => {
    const curve = poses(0.6, 1.6, clock, random)
    const amount = side(random) * between(0.14, 0.45, random)
    return (t, s) => turned(...middle(box), s * amount * curve(t))
  },
  zoom: (box, clock, random) => {
    const curve = poses(0.7, 2, clock, random)
    const amount = random.uniform() < 0.6 ? -between(0.15, 0.5, random) : between(0.1, 0.28, random)
    return (t, s) => {
      const factor = Math.exp(s * amount * curve(t))
      return scaled(...middle(box), factor, factor)
    }
  },
  bounce: (box, clock, random) => {
    const length = period(0.55, 1.2, clock, random)
    const height = between(8, 20, random) * box.unit
    const squash = between(0.1, 0.26, random)
    const drift = random.uniform() < 0.3 ? side(random) * between(3, 8, random) * box.unit : 0
    const lean = sway(2 * length)
    return (t, s) => {
      const share = (t / length) % 1
      const flight = (share - TAKE_OFF) / (TOUCH_DOWN - TAKE_OFF)
      const up = flight > 0 && flight < 1 ? 4 * flight * (1 - flight) : 0
      const across = Math.exp(s * squash * LEAP_SQUASH(share))
      return after(
        shifted(s * drift * lean(t), -s * height * up),
        scaled((box.left + box.right) / 2, box.bottom, across, 1 / across),
      )
    }
  },
  swing: (box, clock, random) => {
    const curve = sway(period(0.8, 2, clock, random))
    const pivot = random.uniform() < 0.5 ? box.bottom : box.top
    const amount = side(random) * between(0.1, 0.32, random)
    return (t, s) => turned((box.left + box.right) / 2, pivot, s * amount * curve(t))
  },
  wobble: (box, clock, random) => {
    const length = period(0.6, 1.6, clock, random)
    const waves = 2 + random.integer(2)
    const curve = random.uniform() < 0.6 ? pushed(length, waves) : sway(length / waves)
    const [lean, squash] = [side(random) * between(0, 0.22, random), side(random) * between(0.06, 0.16, random)]
    return (t, s) => {
      const across = Math.exp(s * squash * curve(t))
      return about((box.left + box.right) / 2, box.bottom, across, 0, s * lean * curve(t), 1 / across)
    }
  },
  shake: ({ unit, ...box }, clock, random) => {
    const length = period(0.6, 1.6, clock, random)
    // No faster than the frames can show.
    const waves = Math.max(1, Math.min(2 + random.integer(4), Math.floor((length * clock.fps) / 2.6)))
    const curve = repeated((share) => Math.sin(2 * Math.PI * waves * share) * Math.sin(Math.PI * share), length)
    const amount = side(random) * between(3.5, 8, random) * unit
    const turning = random.uniform() < 0.4
    const centre = middle({ unit, ...box })
    return (t, s) =>
      turning ? turned(...centre, (s * amount * curve(t)) / (36 * unit)) : shifted(s * amount * curve(t), 0)
  },
  pulse: (box, clock, random) => {
    const length = period(0.5, 1.3, clock, random)
    const curve = random.uniform() < 0.5 ? repeated(HEARTBEAT, length) : sway(length)
    const amount = between(0.07, 0.16, random)
    return (t, s) => {
      const factor = Math.exp(s * amount * curve(t))
      return scaled(...middle(box), factor, factor)
    }
  },
  float: (box, clock, random) => {
    const length = period(1.2, 2.4, clock, random)
    const amount = -between(4, 10, random) * box.unit
    const turn = side(random) * between(0, 0.09, random)
    const drift = side(random) * between(0, 5, random) * box.unit
    return (t, s) => {
      const phase = (2 * Math.PI * t) / length
      const rise = shifted(s * drift * Math.sin(2 * phase), s * amount * Math.sin(phase))
      return after(rise, turned(...middle(box), s * turn * Math.sin(phase)))
    }
  },
  spin: (box, clock, random) => {
    const length = period(0.8, 2, clock, random)
    const angle = 2 * Math.PI * side(random)
    const eased = random.uniform() < 0.6
    const curve =
      clock.loops || !eased ? repeated(eased ? TURN_ONCE : (share) => share, length) : oneWay(0.8, 2, clock, random)
    return (t) => turned(...middle(box), angle * curve(t))
  },
  flip: (box, clock, random) => {
    const length = period(0.8, 2, clock, random)
    const curve = repeated(random.uniform() < 0.6 ? TURN_ONCE : (share) => share, length)
    const hop = between(0, 8, random) * box.unit
    return (t, s) => {
      const share = curve(t)
      const cos = Math.cos(2 * Math.PI * share)
      // Never quite edge-on: a figure has some depth.
      const across = Math.sign(cos) * Math.max(0.06, Math.abs(cos)) || 0.06
      return after(shifted(0, -s * hop * Math.max(0, Math.sin(Math.PI * share))), scaled(...middle(box), across, 1))
    }
  },
}
