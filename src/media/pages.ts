/** An animation or a still picture, whose pages are decoded when they are asked for, in order. */
export interface Pages {
  readonly width: number
  readonly height: number
  /** How long each page stays on screen, in milliseconds. */
  readonly durationsMs: readonly number[]
  /** Page `index` as (height, width, 4), not premultiplied; never one before a page that was asked for earlier. */
  page(index: number): Promise<Uint8Array>
}

/** Browsers show a frame that asks for 10 ms or less for 100 ms, and files are made to look right there. */
export function shownMs(milliseconds: number): number {
  return milliseconds <= 10 ? 100 : milliseconds
}

/** For sharp: decoders only warn of what viewers show nonetheless; what is cut short or broken is refused. */
export const LENIENT = { failOn: 'error' } as const
