import type { Random } from '../runtime/random.js'

/** How far a motion has gone at a time in seconds: 0 at time 0, about 1 where it is furthest. */
export type Curve = (seconds: number) => number

/** The time that a designed clip takes. */
export interface Clock {
  /** From the first frame to the last. */
  readonly seconds: number
  readonly fps: number
  /** Whether the last frame is the first again. */
  readonly loops: boolean
}

/** A pose and when it is reached: (share of the time, amount). */
type Key = readonly [number, number]

/** Poses of a move that is prepared, overshoots, rests and comes back, as animators set them. */
const OUT_AND_BACK: readonly Key[] = [
  [0, 0],
  [0.16, -0.16],
  [0.4, 1.08],
  [0.5, 1],
  [0.64, 1],
  [0.9, -0.05],
  [1, 0],
]

/** The same one way. */
const ONE_WAY: readonly Key[] = [
  [0, 0],
  [0.25, -0.14],
  [0.7, 1.1],
  [0.88, 0.97],
  [1, 1],
]

/**
 * A period between two lengths in seconds. A clip that loops has whole periods.
 *
 * @param shortest at least this, unless the clip is shorter
 */
export function period(shortest: number, longest: number, { seconds, loops }: Clock, random: Random): number {
  const wanted = shortest * (longest / shortest) ** random.uniform()
  return loops ? seconds / Math.max(1, Math.round(seconds / wanted)) : wanted
}

/** Through poses, with an ease at each: a half wave of the cosine from one to the next. Before and behind it stands. */
export function keyed(keys: readonly Key[]): Curve {
  return (share) => {
    const next = keys.findIndex(([time]) => time > share)
    if (next === 0) return keys[0]![1]
    if (next < 0) return keys.at(-1)![1]
    const [[from, start], [to, end]] = [keys[next - 1]!, keys[next]!]
    return start + ((end - start) * (1 - Math.cos((Math.PI * (share - from)) / (to - from)))) / 2
  }
}

/** Repeats a curve over shares of a period. */
export function repeated(curve: Curve, length: number): Curve {
  return (seconds) => curve((seconds / length) % 1)
}

/** To both sides of rest, by a sine, -1 to 1. */
export function sway(length: number): Curve {
  return (seconds) => Math.sin((2 * Math.PI * seconds) / length)
}

/** To one side and back, by a cosine or through poses; in a clip that does not loop, sometimes one way. */
export function poses(shortest: number, longest: number, clock: Clock, random: Random): Curve {
  const length = period(shortest, longest, clock, random)
  const style = random.uniform()
  if (!clock.loops && style < 0.4) return oneWay(shortest, longest, clock, random)
  if (style < 0.7) return repeated(keyed(OUT_AND_BACK), length)
  return (seconds) => (1 - Math.cos((2 * Math.PI * seconds) / length)) / 2
}

/** Prepared, then to 1 with a little too much, and there it stays; done within the clip, however short that is. */
export function oneWay(shortest: number, longest: number, { seconds }: Clock, random: Random): Curve {
  const wanted = shortest + (longest - shortest) * random.uniform()
  const curve = keyed(ONE_WAY)
  return (time) => curve(time / Math.min(wanted, seconds))
}

/** A vibration that dies away, again each period: what shows of a push. */
export function pushed(length: number, waves: number): Curve {
  return repeated((share) => Math.sin(2 * Math.PI * waves * share) * (1 - share) ** 2, length)
}
