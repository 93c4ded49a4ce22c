import type { Random } from '../runtime/random.js'
import type { Displacement } from './designed-layer.js'
import { period, poses, sway, type Clock } from './designed-timing.js'
import { between, middle, side, type Box } from './designed-whole.js'

/** A motion of a part at a time in seconds; `strength` from 0 to 1 makes it smaller. */
export type PartMotion = (seconds: number, strength: number) => Displacement

/** Draws how a part of a figure moves. */
type PartKind = (box: Box, clock: Clock, random: Random) => PartMotion

/** 0 up to `from`, 1 from `to` on, smooth in between. */
function smoothStep(from: number, to: number, value: number): number {
  const share = Math.min(1, Math.max(0, (value - from) / (to - from)))
  return share * share * (3 - 2 * share)
}

/** A limb: what lies beyond a pivot in a direction; it turns by an angle about the pivot, softly towards the rest. */
interface Limb {
  readonly x: number
  readonly y: number
  /** Of length 1, pointing outward. */
  readonly outX: number
  readonly outY: number
  /** How wide the soft edge is, in pixels. */
  readonly soft: number
}

function turnLimb({ x, y, outX, outY, soft }: Limb, angle: number, px: number, py: number, out: Float64Array): void {
  const [dx, dy] = [px - x, py - y]
  const share = smoothStep(0, soft, dx * outX + dy * outY)
  if (share === 0) return
  const [cos, sin] = [Math.cos(angle * share) - 1, Math.sin(angle * share)]
  out[0]! += cos * dx - sin * dy
  out[1]! += sin * dx + cos * dy
}

/** A limb at a share of the way from the middle to the box's border. */
function limb(box: Box, angle: number, reach: number): Limb {
  const [x, y] = middle(box)
  const [outX, outY] = [Math.cos(angle), Math.sin(angle)]
  const [across, down] = [(box.right - box.left) / 2, (box.bottom - box.top) / 2]
  const soft = 0.75 * Math.hypot(outX * across, outY * down)
  return { x: x + reach * outX * across, y: y + reach * outY * down, outX, outY, soft }
}

/** The motions of a part, as of a mesh that is pulled: everything near it comes along. */
export const PART_MOTIONS: Readonly<Record<string, PartKind>> = {
  /** Like a blade of grass, fixed at its foot, or hanging. */
  bend: (box, clock, random) => {
    const curve = random.uniform() < 0.5 ? sway(period(0.8, 2, clock, random)) : poses(0.7, 1.8, clock, random)
    const height = box.bottom - box.top
    const amount = side(random) * between(0.12, 0.3, random) * height
    const hangs = random.uniform() < 0.25
    return (t, s) => {
      const by = s * amount * curve(t)
      return (_, y, out) => {
        const share = Math.max(0, hangs ? y - box.top : box.bottom - y) / height
        out[0] = by * share * share
        out[1] = ((hangs ? -0.6 : 0.6) * by * by * share ** 3) / height
      }
    }
  },
  /** An arm, a tail, a flag: one side goes up and down. */
  wave: (box, clock, random) => {
    const curve = sway(period(0.45, 1.1, clock, random))
    const part = limb(box, 2 * Math.PI * random.uniform(), between(0.05, 0.35, random))
    const amount = side(random) * between(0.2, 0.42, random)
    return (t, s) => {
      const angle = s * amount * curve(t)
      return (x, y, out) => {
        out.fill(0)
        turnLimb(part, angle, x, y, out)
      }
    }
  },
  /** Wings or ears: both sides at once, as in a mirror. */
  flap: (box, clock, random) => {
    const curve = random.uniform() < 0.5 ? sway(period(0.4, 1, clock, random)) : poses(0.5, 1.2, clock, random)
    const reach = between(0.15, 0.4, random)
    const angle = Math.PI * between(-0.35, 0.15, random)
    const parts = [limb(box, angle, reach), limb(box, Math.PI - angle, reach)] as const
    const amount = side(random) * between(0.18, 0.38, random)
    return (t, s) => {
      const turn = s * amount * curve(t)
      return (x, y, out) => {
        out.fill(0)
        turnLimb(parts[0], turn, x, y, out)
        turnLimb(parts[1], -turn, x, y, out)
      }
    }
  },
  /** A head above a neck: dips, or tilts to a side. */
  nod: (box, clock, random) => {
    const curve = poses(0.5, 1.2, clock, random)
    const height = box.bottom - box.top
    const neck = box.bottom - between(0.3, 0.5, random) * height
    const tilts = random.uniform() < 0.45
    const angle = side(random) * between(0.16, 0.34, random)
    const dip = between(0.06, 0.13, random) * height
    const head: Limb = { x: (box.left + box.right) / 2, y: neck, outX: 0, outY: -1, soft: 0.45 * height }
    return (t, s) => {
      const amount = s * curve(t)
      return (x, y, out) => {
        out.fill(0)
        if (tilts) turnLimb(head, amount * angle, x, y, out)
        else out[1] = amount * dip * smoothStep(0, head.soft, neck - y)
      }
    }
  },
  /** A flag or a jelly: a wave runs through it. */
  ripple: (box, clock, random) => {
    const length = period(0.6, 1.6, clock, random)
    const tall = random.uniform() < 0.65
    const wave = between(0.55, 1.1, random) * (tall ? box.bottom - box.top : box.right - box.left)
    const amount = between(2.5, 5, random) * box.unit
    const way = side(random)
    return (t, s) => {
      const phase = (2 * Math.PI * way * t) / length
      return (x, y, out) => {
        const fixed = tall ? box.bottom - y : x - box.left
        const place = (2 * Math.PI * fixed) / wave
        const by = s * amount * smoothStep(0, 0.8 * wave, fixed) * (Math.sin(place - phase) - Math.sin(place))
        out[0] = tall ? by : 0
        out[1] = tall ? 0 : by
      }
    }
  },
  /** A belly that swells. */
  breathe: (box, clock, random) => {
    const curve = poses(0.8, 2, clock, random)
    const [x, y] = [between(0.35, 0.65, random), between(0.35, 0.75, random)]
    const [centreX, centreY] = [box.left + x * (box.right - box.left), box.top + y * (box.bottom - box.top)]
    const spread = between(0.2, 0.32, random) * Math.max(box.right - box.left, box.bottom - box.top)
    const amount = random.uniform() < 0.75 ? between(0.16, 0.3, random) : -between(0.12, 0.24, random)
    return (t, s) => {
      const by = s * amount * curve(t)
      return (px, py, out) => {
        const [dx, dy] = [px - centreX, py - centreY]
        const share = by * Math.exp(-(dx * dx + dy * dy) / (2 * spread * spread))
        out[0] = share * dx
        out[1] = share * dy
      }
    }
  },
}
