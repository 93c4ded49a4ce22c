import { ALL_FORMATS, BlobSource, CanvasSink, Input } from 'mediabunny'
import { UserError } from '../errors.js'
import { gather, onWhite, type ClipFrame, type DecodedClip } from './clip-frame.js'
import { isMovie, readImageHeader } from './image-header.js'
import { framesOnScreen } from './resample.js'

/** At which rate and size a clip is read. */
export interface ClipSampling {
  /** Pictures per second. */
  readonly fps: number
  /** Pixels; the middle of each picture of another shape is taken. */
  readonly width: number
  readonly height: number
  /** The most pictures; what comes after is left out. */
  readonly maxFrames: number
}

/**
 * Reads the beginning of an animated GIF, WebP, PNG or AVIF, or of a video, on white where it is transparent.
 *
 * @throws UserError when it cannot be read, does not move, or the browser has no decoder for it.
 */
export async function readClip(source: Blob, sampling: ClipSampling): Promise<DecodedClip> {
  const label = source instanceof File && source.name !== '' ? source.name : 'the clip'
  const start = new Uint8Array(await source.slice(0, 256).arrayBuffer())
  const canvas = new OffscreenCanvas(sampling.width, sampling.height)
  const pictures = isVideo(start)
    ? await readVideo(source, sampling, label, canvas)
    : await readAnimation(source, sampling, label, canvas)
  if (pictures.length < 2) throw new UserError(`${label} does not move; give a video, a GIF or an animated WebP`)
  return gather(pictures, label)
}

/** Matroska, or ISO base media that holds no pictures. */
function isVideo(start: Uint8Array): boolean {
  return (start[0] === 0x1a && start[1] === 0x45) || isMovie(start)
}

async function readAnimation(
  source: Blob,
  { fps, maxFrames }: ClipSampling,
  label: string,
  canvas: OffscreenCanvas,
): Promise<ClipFrame[]> {
  const data = new Uint8Array(await source.arrayBuffer())
  const { format } = readImageHeader(data, label)
  if (!('ImageDecoder' in globalThis)) {
    throw new UserError(`this browser cannot take ${label} apart; give an MP4 or WebM video`)
  }
  const decoder = new ImageDecoder({ data, type: `image/${format}` })
  try {
    await decoder.tracks.ready
    const count = Math.min(decoder.tracks.selectedTrack?.frameCount ?? 0, 1000)
    const pages: ClipFrame[] = []
    const durations: number[] = []
    for (let frameIndex = 0; frameIndex < count; frameIndex++) {
      const { image } = await decoder.decode({ frameIndex })
      // Browsers show a frame that asks for 10 ms or less for 100 ms.
      const milliseconds = (image.duration ?? 0) / 1000
      durations.push(milliseconds <= 10 ? 100 : milliseconds)
      pages.push(drawn(canvas, image, image.displayWidth, image.displayHeight))
      image.close()
      if (durations.reduce((sum, each) => sum + each, 0) * fps > maxFrames * 1000) break
    }
    return framesOnScreen(durations, fps)
      .slice(0, maxFrames)
      .map((index) => pages[index]!)
  } catch {
    throw new UserError(`cannot read ${label}: the picture is damaged or cut short; save or download it again`)
  } finally {
    decoder.close()
  }
}

async function readVideo(
  source: Blob,
  { fps, maxFrames }: ClipSampling,
  label: string,
  canvas: OffscreenCanvas,
): Promise<ClipFrame[]> {
  const input = new Input({ source: new BlobSource(source), formats: ALL_FORMATS })
  try {
    const track = await input.getPrimaryVideoTrack()
    if (!track || !(await track.canDecode())) {
      throw new UserError(`cannot read ${label}: the browser has no decoder for it; give an MP4 or WebM video`)
    }
    const [start, end] = [await track.getFirstTimestamp(), await track.computeDuration()]
    const count = Math.min(maxFrames, Math.max(1, Math.round((end - start) * fps)))
    const times = Array.from({ length: count }, (_, i) => start + i / fps + 1e-6)
    const pictures: ClipFrame[] = []
    const { width, height } = canvas
    for await (const wrapped of new CanvasSink(track, { width, height, fit: 'cover' }).canvasesAtTimestamps(times)) {
      if (wrapped) pictures.push(drawn(canvas, wrapped.canvas, width, height))
    }
    return pictures
  } catch (error) {
    if (error instanceof UserError) throw error
    throw new UserError(`cannot read ${label}: it is no video that this browser reads; give an MP4 or WebM video`)
  } finally {
    input.dispose()
  }
}

/** The middle of a picture, on white, in the canvas's shape. */
function drawn(canvas: OffscreenCanvas, picture: CanvasImageSource, fromWidth: number, fromHeight: number): ClipFrame {
  const { width, height } = canvas
  const scale = Math.max(width / fromWidth, height / fromHeight)
  const [w, h] = [fromWidth * scale, fromHeight * scale]
  const context = canvas.getContext('2d', { willReadFrequently: true })!
  context.imageSmoothingQuality = 'high'
  context.clearRect(0, 0, width, height)
  context.drawImage(picture, (width - w) / 2, (height - h) / 2, w, h)
  return onWhite(context.getImageData(0, 0, width, height).data, width, height)
}
