/** The part of gifenc 1.0 that is used here; the package brings no types. */
declare module 'gifenc' {
  type Palette = [number, number, number][]

  interface Encoder {
    writeFrame(
      indices: Uint8Array,
      width: number,
      height: number,
      options: {
        palette: Palette
        /** Milliseconds, rounded to hundredths of a second. */
        delay: number
        transparent?: boolean
        transparentIndex?: number
        /** 1 leaves the frame on screen below the next. */
        dispose?: number
      },
    ): void
    finish(): void
    bytes(): Uint8Array
    readonly stream: { writeByte(byte: number): void; writeBytes(bytes: ArrayLike<number>): void }
  }

  const gifenc: {
    GIFEncoder(): Encoder
    quantize(rgba: Uint8Array, maxColors: number): Palette
    applyPalette(rgba: Uint8Array, palette: Palette): Uint8Array
  }
  export default gifenc
}
