import sharp from 'sharp'

/** The formats of pictures that carry an orientation. */
export const FORMATS = ['jpeg', 'png', 'webp', 'tiff', 'avif'] as const

/** One of them. */
export type Format = (typeof FORMATS)[number]

const COLOURS = [
  ['red', [255, 0, 0]],
  ['green', [0, 255, 0]],
  ['blue', [0, 0, 255]],
  ['yellow', [255, 255, 0]],
] as const

/**
 * The quarters of a picture as it is shown for each orientation of EXIF, first the upper two: how the stored ones lie.
 */
const SHOWN: readonly (readonly number[])[] = [
  [0, 1, 2, 3],
  [1, 0, 3, 2],
  [3, 2, 1, 0],
  [2, 3, 0, 1],
  [0, 2, 1, 3],
  [2, 0, 3, 1],
  [3, 1, 2, 0],
  [1, 3, 0, 2],
]

/** A picture file of four quarters of different colours, with an orientation of 1 to 8. */
export async function orientedFile(format: Format, orientation: number, width: number, height: number) {
  const data = Buffer.alloc(width * height * 3)
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const [, colour] = COLOURS[(y < height / 2 ? 0 : 2) + (x < width / 2 ? 0 : 1)]!
      data.set(colour, (y * width + x) * 3)
    }
  const image = sharp(data, { raw: { width, height, channels: 3 } }).withMetadata({ orientation })
  return image.toFormat(format, format === 'png' ? {} : { quality: 90 }).toBuffer()
}

/** What must be seen: the size, and the colours of the quarters, the upper two first. */
export function expectedView(orientation: number, width: number, height: number) {
  const turned = orientation > 4
  return {
    width: turned ? height : width,
    height: turned ? width : height,
    quarters: SHOWN[orientation - 1]!.map((quarter) => COLOURS[quarter]![0]),
  }
}

/** What is seen of a picture, in the middle of its quarters. */
export function viewOf({ width, height, data }: { width: number; height: number; data: ArrayLike<number> }) {
  const nearest = (x: number, y: number) => {
    const at = 3 * (Math.floor(height * y) * width + Math.floor(width * x))
    const distance = (colour: readonly number[]) =>
      colour.reduce((sum, value, c) => sum + (value - data[at + c]!) ** 2, 0)
    return [...COLOURS].sort(([, a], [, b]) => distance(a) - distance(b))[0]![0]
  }
  return {
    ...{ width, height },
    quarters: [nearest(0.25, 0.25), nearest(0.75, 0.25), nearest(0.25, 0.75), nearest(0.75, 0.75)],
  }
}
