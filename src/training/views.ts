import { type Frames } from '../media/frames.js'
import { type Random } from '../runtime/random.js'

const SMALLEST_CROP = 0.7
const COLOUR_CHANGE = 0.25

/** A random square crop of a picture, perhaps mirrored, its colour channels brightened or darkened at random. */
export function randomView({ width, height, data }: Frames, random: Random): Frames {
  const side = Math.round(Math.min(width, height) * (SMALLEST_CROP + (1 - SMALLEST_CROP) * random.uniform()))
  const x = random.integer(width - side + 1)
  const y = random.integer(height - side + 1)
  const mirror = random.uniform() < 0.5
  const gains = [0, 1, 2].map(() => 1 + COLOUR_CHANGE * (2 * random.uniform() - 1))
  const view = new Uint8Array(3 * side * side)
  for (let row = 0; row < side; row++)
    for (let column = 0; column < side; column++) {
      const source = 3 * ((y + row) * width + x + (mirror ? side - 1 - column : column))
      for (let c = 0; c < 3; c++)
        view[3 * (row * side + column) + c] = Math.min(255, Math.round(data[source + c]! * gains[c]!))
    }
  return { width: side, height: side, count: 1, data: view }
}
