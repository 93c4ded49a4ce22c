import type { Frames } from './frames.js'

/** What a clip is made of, without a way to save it. */
export interface ClipContent {
  /** On white where they are transparent. */
  readonly frames: Frames
  /** Opacity of each pixel, 0 to 255, (count, height, width); left out where all is opaque. */
  readonly alpha?: Uint8Array | undefined
  /** Pictures per second. */
  readonly fps: number
  /** How the clip came to be (seed, model, settings); saved inside the file where its format has room for words. */
  readonly metadata: Readonly<Record<string, string>>
}

/**
 * The metadata as it stands in every file's comment field: one JSON object in plain ASCII, so that it is the same text
 * in GIF, PNG, WebP, WebM and MP4, whatever encoding the field has. Empty when there is no metadata.
 */
export function commentOf({ metadata }: ClipContent): string {
  if (Object.keys(metadata).length === 0) return ''
  return JSON.stringify(metadata).replace(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/**
 * How long each frame stays on screen in whole ticks. Each frame starts at the tick nearest to its true time, so that
 * rounding never adds up.
 *
 * @param ticksPerSecond 1000 for milliseconds
 */
export function frameDurations({ frames, fps }: ClipContent, ticksPerSecond: number): number[] {
  const start = (index: number) => Math.round((index * ticksPerSecond) / fps)
  return Array.from({ length: frames.count }, (_, index) => Math.max(1, start(index + 1) - start(index)))
}

/**
 * The frames that a format shows which has no frames shorter than `least` ticks, and how long each stays: where a clip
 * is faster, some are left out, so that it takes as long as it should.
 *
 * @param ticksPerSecond 100 for the hundredths of GIF
 */
export function shownFrames(
  { frames, fps }: ClipContent,
  ticksPerSecond: number,
  least: number,
): { readonly index: number; readonly ticks: number }[] {
  const start = (index: number) => Math.round((index * ticksPerSecond) / fps)
  const kept: number[] = []
  for (let index = 0; index < frames.count; index++)
    if (kept.length === 0 || start(index) - start(kept.at(-1)!) >= least) kept.push(index)
  return kept.map((index, i) => ({ index, ticks: Math.max(least, start(kept[i + 1] ?? frames.count) - start(index)) }))
}
