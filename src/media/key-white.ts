import type { Frames } from './frames.js'

/** How far below 255 a channel of the background may be. */
const TOLERANCE = 14
/** How many pixels an edge is soft. */
const EDGE = 2

/**
 * The opacity of figures on white: what is nearly white and reaches the border through nearly white is background, so
 * that white inside a figure stays. A pixel c at the edge is taken for a mixture a f + (1 - a) 255 of white and the
 * colour f of the nearest pixel further in.
 *
 * @returns a, 0 to 255, (count, height, width)
 */
export function whiteAlpha({ width, height, count, data }: Frames): Uint8Array {
  const size = width * height
  const alpha = new Uint8Array(count * size)
  for (let index = 0; index < count; index++) {
    const rgb = data.subarray(index * size * 3, (index + 1) * size * 3)
    const depths = depthsInside(rgb, width, height)
    softenEdge(rgb, depths, alpha.subarray(index * size, (index + 1) * size), width, height)
  }
  return alpha
}

/**
 * The opacity of a clip's figure, cut from the white that it stands on, (count, height, width); nothing where no white reaches
 * the border, as in photographs.
 */
export function figureAlpha(frames: Frames): Uint8Array | undefined {
  const alpha = whiteAlpha(frames)
  return alpha.includes(0) ? alpha : undefined
}

/**
 * The figures' own colours f, of the mixtures c = a f + (1 - a) 255 that the frames show. As both are linear, frames
 * and opacity may have been scaled before.
 *
 * @param alpha a, 0 to 255, (count, height, width)
 */
export function unmixWhite(frames: Frames, alpha: Uint8Array): Frames {
  const data = new Uint8ClampedArray(frames.data.length)
  for (let i = 0; i < data.length; i++) {
    const a = alpha[Math.floor(i / 3)]!
    data[i] = a === 0 ? 255 : 255 - ((255 - frames.data[i]!) * 255) / a
  }
  return { ...frames, data: new Uint8Array(data.buffer) }
}

/** How many pixels each lies inside the figure, at most EDGE + 1: 0 in the background. */
function depthsInside(rgb: Uint8Array, width: number, height: number): Uint8Array {
  const isWhite = (pixel: number) =>
    Math.min(rgb[pixel * 3]!, rgb[pixel * 3 + 1]!, rgb[pixel * 3 + 2]!) >= 255 - TOLERANCE
  const depths = new Uint8Array(width * height).fill(EDGE + 1)
  const open: number[] = []
  const visit = (pixel: number) => {
    if (depths[pixel] === 0 || !isWhite(pixel)) return
    depths[pixel] = 0
    open.push(pixel)
  }
  for (let x = 0; x < width; x++) [x, (height - 1) * width + x].forEach(visit)
  for (let y = 0; y < height; y++) [y * width, (y + 1) * width - 1].forEach(visit)
  while (open.length > 0) neighbours(open.pop()!, width, height).forEach(visit)

  for (let depth = 1; depth <= EDGE; depth++) {
    for (let pixel = 0; pixel < depths.length; pixel++) {
      if (depths[pixel]! <= depth) continue
      if (neighbours(pixel, width, height).some((other) => depths[other] === depth - 1)) depths[pixel] = depth
    }
  }
  return depths
}

function softenEdge(rgb: Uint8Array, depths: Uint8Array, alpha: Uint8Array, width: number, height: number): void {
  for (let pixel = 0; pixel < depths.length; pixel++) {
    const depth = depths[pixel]!
    if (depth === 0) continue
    const inner = depth > EDGE ? undefined : nearestInside(pixel, depths, width, height)
    if (inner === undefined) {
      alpha[pixel] = 255
      continue
    }
    // Least squares of c = a f + (1 - a) 255 over the three channels.
    let [along, square] = [0, 0]
    for (let channel = 0; channel < 3; channel++) {
      const toFigure = 255 - rgb[inner * 3 + channel]!
      along += (255 - rgb[pixel * 3 + channel]!) * toFigure
      square += toFigure * toFigure
    }
    alpha[pixel] = square === 0 ? 255 : Math.round(255 * Math.min(1, along / square))
  }
}

/** The nearest pixel deeper than the edge, within the edge's width and one more. */
function nearestInside(pixel: number, depths: Uint8Array, width: number, height: number): number | undefined {
  const [px, py] = [pixel % width, Math.floor(pixel / width)]
  let nearest: number | undefined
  let least = Infinity
  for (let y = Math.max(0, py - EDGE - 1); y <= Math.min(height - 1, py + EDGE + 1); y++) {
    for (let x = Math.max(0, px - EDGE - 1); x <= Math.min(width - 1, px + EDGE + 1); x++) {
      const distance = (x - px) ** 2 + (y - py) ** 2
      if (depths[y * width + x]! <= EDGE || distance >= least) continue
      least = distance
      nearest = y * width + x
    }
  }
  return nearest
}

/** The pixels left, right, above and below. */
function neighbours(pixel: number, width: number, height: number): number[] {
  const x = pixel % width
  const found = []
  if (x > 0) found.push(pixel - 1)
  if (x < width - 1) found.push(pixel + 1)
  if (pixel >= width) found.push(pixel - width)
  if (pixel < width * (height - 1)) found.push(pixel + width)
  return found
}
