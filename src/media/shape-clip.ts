import type { ClipContent } from './clip.js'

/** How long a clip is to be, in seconds, how fast, and whether it must be square. */
export interface Shape {
  readonly least?: number | undefined
  readonly most?: number | undefined
  /** The most pictures per second. */
  readonly fastest?: number | undefined
  readonly square?: boolean | undefined
}

/**
 * A clip in the shape that a place asks for: whole rounds of it until it is long enough, faster where it would be too long, fewer
 * pictures where it would be too fast, and in the middle of a square, which is clear beside it.
 *
 * @param order the places of its frames in the order in which they are played; as they are unless told
 */
export function shapedClip(
  clip: ClipContent,
  { least = 0, most = Infinity, fastest = Infinity, square }: Shape,
  order: readonly number[] = Array.from({ length: clip.frames.count }, (_, index) => index),
): ClipContent {
  const { width, height } = clip.frames
  const wanted = Math.max(clip.fps, order.length / most)
  const fps = Math.min(wanted, fastest)
  const shown = Array.from(
    { length: Math.max(1, Math.floor((order.length * fps) / wanted + 1e-9)) },
    (_, i) => order[Math.min(order.length - 1, Math.floor((i * wanted) / fps + 1e-9))]!,
  )
  const rounds = Math.max(1, Math.ceil((least * fps) / shown.length - 1e-9))
  const played = Array.from({ length: rounds }, () => shown).flat()
  const side = Math.max(width, height)
  const [w, h] = square ? [side, side] : [width, height]
  const [left, top] = [Math.floor((w - width) / 2), Math.floor((h - height) / 2)]
  const data = new Uint8Array(played.length * w * h * 3).fill(255)
  const isPadded = w !== width || h !== height
  const alpha = clip.alpha || isPadded ? new Uint8Array(played.length * w * h) : undefined
  for (const [place, index] of played.entries()) {
    for (let y = 0; y < height; y++) {
      const [from, to] = [(index * height + y) * width, (place * h + y + top) * w + left]
      data.set(clip.frames.data.subarray(3 * from, 3 * (from + width)), 3 * to)
      if (clip.alpha) alpha!.set(clip.alpha.subarray(from, from + width), to)
      else alpha?.fill(255, to, to + width)
    }
  }
  return { frames: { width: w, height: h, count: played.length, data }, alpha, fps, metadata: clip.metadata }
}
