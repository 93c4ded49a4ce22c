/** Pictures of one size in a row: `data` is 8-bit RGB in order (count, height, width, 3). */
export interface Frames {
  readonly width: number
  readonly height: number
  readonly count: number
  readonly data: Uint8Array
}
