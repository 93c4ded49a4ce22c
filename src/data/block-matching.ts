import type { RgbaFrames } from '../media/frames.js'
import { difference, pyramid, refine, type Level } from './block-pyramid.js'

/** Where the cells of a first frame have gone by a later one. */
export interface CellMotion {
  /** (2, height / 16, width / 16): dx then dy in pixels, to a fraction of one; 0 where nothing was found. */
  readonly flow: Float32Array
  /** (height / 16, width / 16): 1 where the motion can be relied on, else 0. */
  readonly reliable: Uint8Array
}

/** A displacement in whole pixels, and how much what is there differs. */
interface Match {
  dx: number
  dy: number
  cost: number
}

/** Pixels of a side of a cell, and how far to each side it is looked for. */
const [CELL, REACH] = [16, 24]
/** The search begins where the picture was halved so often. */
const HALVINGS = 2
/** Pixels of nothing around a picture: room to look for a cell from where it was found. */
const BORDER = 64
/** Places that the first search hands on: the best ones, no two of them neighbours. */
const CANDIDATES = 4
/** A good match differs by no more than this, in 8-bit levels... */
const MOST = 12
/** ...is this much better, by a factor and in levels, than any further off... */
const [BETTER_BY, AND_BY] = [1.3, 0.7]
/** ...and by so many levels better than two pixels aside, in every direction: only then there is texture. */
const TEXTURE = 1.5
/** Within so many pixels a cell comes back when it is looked for in the first frame from where it was found. */
const COMES_BACK = 1.2
/** Neighbours of one figure move alike within so many pixels, though it turns or grows. */
const ALIKE = 5
/** Matches so near to each other, in pixels, are one. */
const SAME = 3
/** Opacity from which there is something in the middle of a cell. */
const SOLID = 128

const AROUND = [-1, 0, 1].flatMap((y) => [-1, 0, 1].map((x) => [x, y] as const)).filter(([x, y]) => x !== 0 || y !== 0)

/** Finds the 16x16 cells of a first frame in later frames: the motion of real clips, to be told as hints. */
export class BlockMatcher {
  readonly #first: readonly Level[]
  readonly #columns: number
  readonly #rows: number
  /** Whether there is something in the middle of each cell. */
  readonly #solid: readonly boolean[]

  /**
   * @param frames premultiplied; their sides are multiples of 16
   * @param frame number of the first frame
   */
  constructor(
    private readonly frames: RgbaFrames,
    frame = 0,
  ) {
    const { width, height, data } = frames
    this.#first = pyramid(frames, frame, HALVINGS, BORDER)
    this.#columns = width / CELL
    this.#rows = height / CELL
    this.#solid = Array.from({ length: this.#columns * this.#rows }, (_, cell) => {
      const [x, y] = this.#corner(cell)
      return data[4 * ((frame * height + y + CELL / 2) * width + x + CELL / 2) + 3]! >= SOLID
    })
  }

  /** Where the cells are in another of the frames, within 24 pixels. */
  match(frame: number): CellMotion {
    const later = pyramid(this.frames, frame, HALVINGS, BORDER)
    const cells = this.#columns * this.#rows
    const flow = new Float32Array(2 * cells)
    const reliable = new Uint8Array(cells)
    for (let cell = 0; cell < cells; cell++) {
      if (!this.#solid[cell]) continue
      const [x, y] = this.#corner(cell)
      const [best, next] = find(this.#first, later, x, y)
      if (!this.#isReliable(later, x, y, best, next)) continue
      const [dx, dy] = refine(this.#first[0]!, later[0]!, x, y, CELL, best.dx, best.dy)
      flow[cell] = dx
      flow[cells + cell] = dy
      reliable[cell] = 1
    }
    return { flow, reliable: this.#supported(flow, reliable) }
  }

  /** Without those that no reliable neighbour moves like. */
  #supported(flow: Float32Array, reliable: Uint8Array): Uint8Array {
    const cells = reliable.length
    return reliable.map((good, cell) => {
      const [column, row] = [cell % this.#columns, Math.floor(cell / this.#columns)]
      const neighbours = AROUND.map(([x, y]) => [column + x, row + y] as const)
        .filter(([x, y]) => x >= 0 && y >= 0 && x < this.#columns && y < this.#rows)
        .map(([x, y]) => y * this.#columns + x)
        .filter((other) => reliable[other])
      const alike = (other: number) =>
        Math.hypot(flow[other]! - flow[cell]!, flow[cells + other]! - flow[cells + cell]!) <= ALIKE
      return good && neighbours.some(alike) ? 1 : 0
    })
  }

  #corner(cell: number): [number, number] {
    return [(cell % this.#columns) * CELL, Math.floor(cell / this.#columns) * CELL]
  }

  #isReliable(later: readonly Level[], x: number, y: number, best: Match, next: Match | undefined): boolean {
    if (best.cost > MOST) return false
    if (next && next.cost < BETTER_BY * best.cost + AND_BY) return false
    const least = best.cost + TEXTURE
    const aside = (dx: number, dy: number) =>
      difference(this.#first[0]!, x, y, later[0]!, x + best.dx + 2 * dx, y + best.dy + 2 * dy, CELL, least)
    if (AROUND.some(([dx, dy]) => aside(dx, dy) < least)) return false
    const [back] = find(later, this.#first, x + best.dx, y + best.dy)
    return Math.hypot(back.dx + best.dx, back.dy + best.dy) <= COMES_BACK
  }
}

/** The best match of a cell, and the best of those that are somewhere else. */
function find(from: readonly Level[], to: readonly Level[], x: number, y: number): [Match, Match | undefined] {
  let matches = coarse(from[HALVINGS]!, to[HALVINGS]!, x >> HALVINGS, y >> HALVINGS)
  for (let level = HALVINGS - 1; level >= 0; level--) {
    const doubled = matches.map(({ dx, dy }) => ({ dx: 2 * dx, dy: 2 * dy, cost: Infinity }))
    // Standing still is the likeliest of all.
    if (level === HALVINGS - 1) doubled.push({ dx: 0, dy: 0, cost: Infinity })
    for (const match of doubled) descend(from[level]!, to[level]!, x >> level, y >> level, CELL >> level, match)
    doubled.sort((a, b) => a.cost - b.cost)
    const worst = 2 * BETTER_BY * doubled[0]!.cost + 2 * AND_BY
    matches = doubled.filter(
      ({ dx, dy, cost }, i) => cost <= worst && doubled.findIndex((other) => other.dx === dx && other.dy === dy) === i,
    )
  }
  const best = matches[0]!
  return [best, matches.find(({ dx, dy }) => Math.max(Math.abs(dx - best.dx), Math.abs(dy - best.dy)) > SAME)]
}

/** The best places among all within reach, no two of them neighbours. */
function coarse(from: Level, to: Level, x: number, y: number): Match[] {
  const reach = REACH >> HALVINGS
  const side = CELL >> HALVINGS
  const best: Match[] = []
  for (let dy = -reach; dy <= reach; dy++) {
    for (let dx = -reach; dx <= reach; dx++) {
      const most = best.length < CANDIDATES ? Infinity : best.at(-1)!.cost
      const cost = difference(from, x, y, to, x + dx, y + dy, side, most)
      if (cost >= most) continue
      const near = best.findIndex((other) => Math.abs(other.dx - dx) <= 1 && Math.abs(other.dy - dy) <= 1)
      if (near >= 0 && best[near]!.cost <= cost) continue
      if (near >= 0) best.splice(near, 1)
      best.push({ dx, dy, cost })
      best.sort((a, b) => a.cost - b.cost)
      best.length = Math.min(best.length, CANDIDATES)
    }
  }
  return best
}

/** Goes to the best of the neighbours until none is better, or the way gets long. */
function descend(from: Level, to: Level, x: number, y: number, side: number, match: Match): void {
  match.cost = difference(from, x, y, to, x + match.dx, y + match.dy, side)
  for (let step = 0; step < 4; step++) {
    const { dx, dy } = match
    for (const [right, down] of AROUND) {
      const cost = difference(from, x, y, to, x + dx + right, y + dy + down, side, match.cost)
      if (cost < match.cost) Object.assign(match, { dx: dx + right, dy: dy + down, cost })
    }
    if (match.dx === dx && match.dy === dy) return
  }
}
