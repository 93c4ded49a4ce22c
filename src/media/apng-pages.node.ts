import sharp from 'sharp'
import { readPngChunks, writePngChunks, type PngChunk } from './encode/png-chunks.js'
import { LENIENT, shownMs, type Pages } from './pages.js'

/** One frame of an animated PNG: where it lies on the canvas, and how it is put there. */
interface ApngFrame {
  readonly width: number
  readonly height: number
  readonly left: number
  readonly top: number
  readonly durationMs: number
  /** What becomes of its place afterwards: 0 stays, 1 is cleared, 2 becomes what it was before. */
  readonly dispose: number
  /** Whether it is laid over what is there, or replaces it. */
  readonly over: boolean
  readonly data: Uint8Array[]
}

/** Whether a file is a PNG with an animation, which sharp would read as its first picture. */
export function isApng(bytes: Uint8Array): boolean {
  const start = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 4096)).toString('latin1')
  return start.startsWith('\x89PNG') && start.includes('acTL')
}

/**
 * The pages of an animated PNG (PNG specification, third edition, 11.3.6): each frame is decoded as a PNG of its own
 * and put on the canvas.
 */
export function apngPages(bytes: Uint8Array, name: string): Pages {
  const { header, shared, frames } = readFrames(readPngChunks(bytes))
  if (frames.length === 0) throw new Error(`${name} has no frames`)
  const [width, height] = [uint32(header, 0), uint32(header, 4)]
  const canvas = new Uint8Array(width * height * 4)
  let next = 0
  let shown: Uint8Array = canvas
  const draw = async (frame: ApngFrame, isFirst: boolean) => {
    const before = canvas.slice()
    const pixels = await decodeFrame(frame, header, shared)
    put(canvas, width, height, frame, pixels)
    shown = canvas.slice()
    if (frame.dispose === 1 || (frame.dispose === 2 && isFirst)) put(canvas, width, height, { ...frame, over: false })
    else if (frame.dispose === 2) canvas.set(before)
  }
  return {
    width,
    height,
    durationsMs: frames.map(({ durationMs }) => durationMs),
    page: async (index) => {
      for (; next <= index; next++) await draw(frames[next]!, next === 0)
      return shown
    },
  }
}

/** The chunks that all frames share, and those of each frame. */
function readFrames(chunks: readonly PngChunk[]): { header: Uint8Array; shared: PngChunk[]; frames: ApngFrame[] } {
  const header = chunks[0]!.data
  const shared: PngChunk[] = []
  const frames: ApngFrame[] = []
  for (const { type, data } of chunks.slice(1)) {
    if (type === 'fcTL') frames.push(readControl(data))
    // The first picture belongs to the animation only where a control chunk stands before it.
    else if (type === 'IDAT') frames.at(-1)?.data.push(data)
    else if (type === 'fdAT') frames.at(-1)?.data.push(data.subarray(4))
    else if (frames.length === 0 && type !== 'acTL') shared.push({ type, data })
  }
  return { header, shared, frames }
}

function readControl(data: Uint8Array): ApngFrame {
  const short = (at: number) => data[at]! * 256 + data[at + 1]!
  return {
    ...{ width: uint32(data, 4), height: uint32(data, 8), left: uint32(data, 12), top: uint32(data, 16) },
    durationMs: shownMs((1000 * short(20)) / (short(22) || 100)),
    dispose: data[24]!,
    over: data[25] === 1,
    data: [],
  }
}

async function decodeFrame(frame: ApngFrame, header: Uint8Array, shared: readonly PngChunk[]): Promise<Uint8Array> {
  const own = Uint8Array.from(header)
  const view = new DataView(own.buffer)
  view.setUint32(0, frame.width)
  view.setUint32(4, frame.height)
  const parts = frame.data.map((data) => ({ type: 'IDAT', data }))
  const png = [{ type: 'IHDR', data: own }, ...shared, ...parts, { type: 'IEND', data: new Uint8Array() }]
  return sharp(writePngChunks(png), LENIENT).toColourspace('srgb').ensureAlpha().raw({ depth: 'uchar' }).toBuffer()
}

/** Puts a frame on the canvas; without pixels, clears its place. */
function put(canvas: Uint8Array, width: number, height: number, frame: ApngFrame, pixels?: Uint8Array): void {
  const { left, top, over } = frame
  for (let y = 0; y < Math.min(frame.height, height - top); y++) {
    for (let x = 0; x < Math.min(frame.width, width - left); x++) {
      const from = (y * frame.width + x) * 4
      const to = ((top + y) * width + left + x) * 4
      const a = over && pixels ? pixels[from + 3]! / 255 : 1
      const below = (canvas[to + 3]! / 255) * (1 - a)
      const total = a + below
      for (let c = 0; c < 3; c++) {
        const value = pixels?.[from + c] ?? 0
        canvas[to + c] = total > 0 ? (value * a + canvas[to + c]! * below) / total + 0.5 : 0
      }
      canvas[to + 3] = over && pixels ? total * 255 + 0.5 : (pixels?.[from + 3] ?? 0)
    }
  }
}

function uint32(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(at)
}
