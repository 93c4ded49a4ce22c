import { type Frames } from '../media/frames.js'
import { type Random } from '../runtime/random.js'

/** How likely each of the motions is; all are independent, so some stills stand still. */
const LIKELY = 0.45
/** The most that a figure is turned, in radians; moved, as a share of the side; enlarged or shrunk. */
const [TURN, SHIFT, GROWTH] = [0.35, 0.12, 0.2]
/** Frames of a swing to and fro. */
const [SHORTEST, LONGEST] = [6, 20]

/** Amount of a motion at each frame; 0 at the first. */
type Curve = (frame: number) => number

/**
 * Moves a still as one moves a sticker or a camera before it: turned, shifted, brought nearer, each to and fro or one way.
 * The first frame is the still itself. What comes into view has the colour of the top left pixel.
 *
 * @param still one picture
 */
export function stickerMotion(still: Frames, count: number, random: Random): Frames {
  const { width, height } = still
  const [turn, right, down, growth] = [TURN, SHIFT * width, SHIFT * height, GROWTH].map((most) =>
    curve(most, count, random),
  ) as [Curve, Curve, Curve, Curve]
  const data = new Uint8Array(count * still.data.length)
  for (let frame = 0; frame < count; frame++) {
    const size = Math.exp(-growth(frame))
    const [cos, sin] = [size * Math.cos(turn(frame)), size * Math.sin(turn(frame))]
    const [centreX, centreY] = [(width - 1) / 2, (height - 1) / 2]
    const [fromX, fromY] = [centreX + right(frame), centreY + down(frame)]
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        const [dx, dy] = [x - fromX, y - fromY]
        const at = frame * still.data.length + 3 * (y * width + x)
        sample(still, centreX + cos * dx + sin * dy, centreY - sin * dx + cos * dy, data, at)
      }
  }
  return { width, height, count, data }
}

function curve(most: number, count: number, random: Random): Curve {
  const moves = random.uniform() < LIKELY
  const swings = random.uniform() < 0.5
  const amount = most * (2 * random.uniform() - 1)
  const period = SHORTEST + (LONGEST - SHORTEST) * random.uniform()
  if (!moves) return () => 0
  if (swings) return (frame) => amount * Math.sin((2 * Math.PI * frame) / period)
  return (frame) => (amount * (1 - Math.cos((Math.PI * frame) / Math.max(1, count - 1)))) / 2
}

/** The picture's colour at a place between its pixels, written to `target`. */
function sample({ width, height, data }: Frames, x: number, y: number, target: Uint8Array, at: number): void {
  const [left, top] = [Math.floor(x), Math.floor(y)]
  const [right, bottom] = [x - left, y - top]
  // Beyond the picture is its top left pixel, whose offset is 0.
  const offset = (column: number, row: number) =>
    column >= 0 && row >= 0 && column < width && row < height ? 3 * (row * width + column) : 0
  const [a, b] = [offset(left, top), offset(left + 1, top)]
  const [c, d] = [offset(left, top + 1), offset(left + 1, top + 1)]
  for (let channel = 0; channel < 3; channel++) {
    const above = data[a + channel]! * (1 - right) + data[b + channel]! * right
    const below = data[c + channel]! * (1 - right) + data[d + channel]! * right
    target[at + channel] = Math.round(above * (1 - bottom) + below * bottom)
  }
}
