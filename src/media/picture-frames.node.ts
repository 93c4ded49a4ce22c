import sharp from 'sharp'
import { onWhite, type ClipFrame, type Sampling } from './clip-frame.js'
import { openPages } from './open-pages.node.js'
import { framesOnScreen } from './resample.js'

/**
 * Reads a still picture (one frame) or an animated WebP, GIF or PNG, picture by picture, on white where it is
 * transparent.
 *
 * @param name stands for it in messages
 * @param sampling the file's own pictures and size unless told
 * @throws UserError when the bytes are no picture.
 */
export async function* pictureFrames(bytes: Uint8Array, name: string, sampling?: Sampling): AsyncGenerator<ClipFrame> {
  const pages = await openPages(bytes, name)
  if (!sampling) {
    for (let i = 0; i < pages.durationsMs.length; i++) yield onWhite(await pages.page(i), pages.width, pages.height)
    return
  }
  const { fps, size, fit = 'cover', minFrames, maxFrames } = sampling
  const shown = framesOnScreen(pages.durationsMs, fps, minFrames).slice(0, maxFrames)
  const lastUse = new Map(shown.map((page, at) => [page, at]))
  const raw = { width: pages.width, height: pages.height, channels: 4 as const }
  const scaled = new Map<number, ClipFrame>()
  for (const [at, index] of shown.entries()) {
    let picture = scaled.get(index)
    if (!picture) {
      const page = sharp(await pages.page(index), { raw, limitInputPixels: false }).resize({
        ...size,
        fit: fit === 'stretch' ? 'fill' : fit,
        background: '#ffffff',
        kernel: 'lanczos3',
      })
      picture = onWhite(await page.raw().toBuffer(), size.width, size.height)
      scaled.set(index, picture)
    }
    yield picture
    if (lastUse.get(index) === at) scaled.delete(index)
  }
}
