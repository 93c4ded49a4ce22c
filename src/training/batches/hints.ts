import { type LatentSize } from '../../models/controls.js'
import { type Random } from '../../runtime/random.js'

/** Most places that are told of. */
const PLACES = 4
/** How often a place is told of with its neighbours. */
const WIDE = 0.5
/** Share of a clip's frames in which a place must be known to be told of. */
const MOSTLY = 0.75
/** How often places that stand still are told of, where others move: what a user holds fast. */
const HELD = 0.3

/**
 * Out of how every cell moves, what a user might say: a few places, alone or with their neighbours, along the whole
 * clip.
 *
 * @param motion (f, 3, h, w): right, down, and whether that is known
 * @returns the same with all else zero
 */
export function drawHints(motion: Float32Array, { frames, height, width }: LatentSize, random: Random): Float32Array {
  const plane = height * width
  const told = (cell: number) => {
    let count = 0
    for (let frame = 0; frame < frames; frame++) count += motion[(3 * frame + 2) * plane + cell]!
    return count / frames
  }
  const known = Array.from({ length: plane }, (_, i) => i).filter((cell) => told(cell) >= MOSTLY)
  const hints = new Float32Array(motion.length)
  if (known.length === 0) return hints
  const reach = (cell: number) => {
    let most = 0
    for (let frame = 0; frame < frames; frame++)
      most = Math.max(most, Math.hypot(motion[3 * frame * plane + cell]!, motion[(3 * frame + 1) * plane + cell]!))
    return most
  }
  const moving = known.filter((cell) => reach(cell) > MOVES)
  const chosen = new Set<number>()
  const places = 1 + random.integer(PLACES)
  for (let i = 0; i < places; i++) {
    const from = moving.length > 0 && random.uniform() >= HELD ? moving : known
    const cell = from[random.integer(from.length)]!
    const radius = random.uniform() < WIDE ? 1 : 0
    for (const other of known) {
      const [dx, dy] = [(other % width) - (cell % width), Math.floor(other / width) - Math.floor(cell / width)]
      if (Math.max(Math.abs(dx), Math.abs(dy)) <= radius) chosen.add(other)
    }
  }
  for (const cell of chosen)
    for (let row = 0; row < 3 * frames; row++) hints[row * plane + cell] = motion[row * plane + cell]!
  return hints
}

/** Latent pixels from which a cell moves. */
const MOVES = 0.1
