import { UserError } from '../errors.js'

/** How much of a clip's quality one try at its size keeps. */
export interface Quality {
  /** Of lossy pictures and videos, 0 to 1. */
  readonly lossy: number
  /** Colours of a palette, 4 to 255; all where absent and the format has no palette by itself. */
  readonly colours?: number
  /** Every how manieth frame stays. */
  readonly every: number
  /** Share of the size. */
  readonly scale: number
}

/** How far the search for a size is. */
export interface ExportProgress {
  /** Files that have been made, the last one included. */
  readonly tries: number
  /** Bytes of the last one. */
  readonly bytes: number
}

/** How the making of a file goes. */
export interface ExportWork {
  /** Ends it between two frames. */
  readonly signal?: AbortSignal | undefined
  /** Is told of each file that is tried. */
  readonly onProgress?: ((progress: ExportProgress) => void) | undefined
}

/** The best that is made. */
export const BEST: Quality = { lossy: 0.92, every: 1, scale: 1 }

/** What is given up, in this order, and down to which grade colours and detail go before more is. */
const STAGES = [
  { every: 1, scale: 1, least: 0.4 },
  { every: 2, scale: 1, least: 0.3 },
  { every: 2, scale: 0.75, least: 0.2 },
  { every: 2, scale: 0.5, least: 0.1 },
  { every: 3, scale: 0.5, least: 0 },
] as const

/** The same where the size is kept. */
const STAGES_AT_SIZE = [
  ...STAGES.filter(({ scale }) => scale === 1),
  { every: 3, scale: 1, least: 0.1 },
  { every: 4, scale: 1, least: 0 },
] as const

/** Halvings of the range of grades: the last ones are 1/32 of it apart. */
const HALVINGS = 5

/** Colours and detail of a grade from 0 to 1: 8 to 256 colours, evenly in powers of two. */
function graded(grade: number): Pick<Quality, 'lossy' | 'colours'> {
  return { lossy: 0.2 + grade * (BEST.lossy - 0.2), colours: Math.min(255, Math.round(8 * 32 ** grade)) }
}

/** What a file must fit. */
export interface Fit {
  /** The most bytes; the best quality is taken where absent. */
  readonly limit?: number | undefined
  /** Whether pictures keep their size. */
  readonly exactSize?: boolean | undefined
}

/**
 * Finds by bisection the best quality whose file fits.
 *
 * @param encode makes the file
 * @throws UserError when even the least does not fit.
 */
export async function fitBytes(
  encode: (quality: Quality) => Promise<Uint8Array<ArrayBuffer>>,
  { limit = Infinity, exactSize }: Fit = {},
  onProgress?: (progress: ExportProgress) => void,
): Promise<{ readonly bytes: Uint8Array<ArrayBuffer>; readonly quality: Quality }> {
  let [tries, smallest] = [0, Infinity]
  const attempt = async (quality: Quality) => {
    const bytes = await encode(quality)
    smallest = Math.min(smallest, bytes.length)
    onProgress?.({ tries: ++tries, bytes: bytes.length })
    return bytes.length <= limit ? { bytes, quality } : undefined
  }
  const best = await attempt(BEST)
  if (best) return best
  for (const { least, ...stage } of exactSize ? STAGES_AT_SIZE : STAGES) {
    let found = await attempt({ ...graded(least), ...stage })
    if (!found) continue
    let [low, high] = [least as number, 1]
    for (let i = 0; i < HALVINGS; i++) {
      const middle = (low + high) / 2
      const better = await attempt({ ...graded(middle), ...stage })
      if (better) [found, low] = [better, middle]
      else high = middle
    }
    return found
  }
  const [kilobytes, wanted] = [smallest, limit].map((bytes) => Math.ceil(bytes / 1024))
  throw new UserError(`the smallest file would have ${kilobytes} KB, not ${wanted} KB; choose a smaller size or webp`)
}
