/**
 * The pictures that a clip shows at a steady rate: for the times `t = i / fps` from its start, the index of the source
 * frame on screen. A moving clip too short for `minimum` pictures starts over until there are enough; a still gives
 * one.
 *
 * @param durationsMs how long each source frame stays on screen, in milliseconds
 * @param fps pictures wanted per second
 * @param minimum the least number of pictures of a moving clip
 */
export function framesOnScreen(durationsMs: readonly number[], fps: number, minimum = 1): number[] {
  if (durationsMs.length <= 1) return durationsMs.map(() => 0)
  const total = durationsMs.reduce((sum, duration) => sum + duration, 0)
  const count = Math.max(minimum, 1, Math.round((total * fps) / 1000))
  return Array.from({ length: count }, (_, i) => {
    // The hair's breadth keeps a time that falls exactly on a frame's start from slipping to the frame before.
    let left = ((i * 1000) / fps + 1e-6) % total
    let frame = 0
    while (frame < durationsMs.length - 1 && left >= (durationsMs[frame] ?? 0)) left -= durationsMs[frame++] ?? 0
    return frame
  })
}
