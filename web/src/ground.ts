import { cutOut, Clip, type Picture } from '../../src/web/index.js'

/** How wide a picture's edge is: a share of its shorter side. */
const EDGE = 1 / 32
/** How far a channel may be from the ground's colour, of what is ground: as far as `whiteAlpha` lets white be. */
const TOLERANCE = 14
/** How far noise in a plain ground goes: so much is taken for none. */
const NOISE = 16
/** The least share of the edge that has the same colour, of a ground that is plain. */
const PLAIN = 0.6

/** What a picture's edge is like. */
export interface Ground {
  /** The share of it that is free: clear or white. */
  readonly free: number
  /** The colour of most of it, where that is one. */
  readonly colour: readonly [number, number, number] | undefined
}

/** Looks at a picture's edge, where models of free-standing figures know nothing but white. */
export function groundOf({ width, height, data, alpha }: Picture): Ground {
  const wide = Math.max(1, Math.round(EDGE * Math.min(width, height)))
  const edge: number[] = []
  for (let pixel = 0; pixel < width * height; pixel++) {
    const [x, y] = [pixel % width, Math.floor(pixel / width)]
    if (Math.min(x, y, width - 1 - x, height - 1 - y) < wide) edge.push(pixel)
  }
  const channel = (of: number) => edge.map((pixel) => data[3 * pixel + of]!).sort((a, b) => a - b)[edge.length >> 1]!
  const colour = [channel(0), channel(1), channel(2)] as const
  const isFree = (pixel: number) => alpha?.[pixel] === 0 || away(data, pixel, [255, 255, 255]) <= TOLERANCE
  const share = (of: (pixel: number) => boolean) => edge.filter(of).length / edge.length
  const isPlain = share((pixel) => away(data, pixel, colour) <= TOLERANCE + NOISE) >= PLAIN
  return { free: share(isFree), colour: isPlain ? colour : undefined }
}

/**
 * The figure of a picture that stands on one plain colour, cut from it: as figures are cut from white, by how far each pixel is
 * from that colour.
 *
 * @returns nothing where nearly nothing, or nearly all, would be cut away
 */
export async function cutFromGround(picture: Picture, colour: readonly [number, number, number]) {
  const { width, height, data } = picture
  const distance = new Uint8Array(data.length)
  for (let pixel = 0; pixel < width * height; pixel++) {
    // What is further than noise counts threefold, so that soft edges are as narrow as they look.
    distance.fill(255 - Math.min(255, 3 * Math.max(0, away(data, pixel, colour) - NOISE)), 3 * pixel, 3 * pixel + 3)
  }
  const frames = { width, height, count: 1, data: distance }
  const { alpha } = await cutOut(new Clip({ frames, fps: 1, metadata: {} }))
  const kept = alpha ? alpha.filter((value) => value > 0).length / alpha.length : 1
  if (!alpha || kept < 0.02 || kept > 0.95) return undefined
  const rgba = new Uint8ClampedArray(4 * width * height)
  for (let pixel = 0; pixel < width * height; pixel++)
    rgba.set([data[3 * pixel]!, data[3 * pixel + 1]!, data[3 * pixel + 2]!, alpha[pixel]!], 4 * pixel)
  return createImageBitmap(new ImageData(rgba, width, height))
}

/** The largest difference of a channel. */
function away(data: ArrayLike<number>, pixel: number, colour: readonly [number, number, number]): number {
  return Math.max(...colour.map((value, channel) => Math.abs(data[3 * pixel + channel]! - value)))
}
