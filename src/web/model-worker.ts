import type { ClipContent } from '../media/clip.js'
import type { Frames, Picture } from '../media/frames.js'
import { readImage } from '../media/image.web.js'
import { ImageToVideo } from '../pipeline/image-to-video.js'
import { openModelFiles } from '../pipeline/pretrained.web.js'
import type { AnimateSettings, EditSettings } from '../pipeline/settings.js'
import { webEngine, type Ort, type WebDevice, type WebEngineOptions } from '../runtime/engine.web.js'
import { ModelFiles, type DownloadProgress } from '../weights/model-files.web.js'
import { serve, type Answer, type Work } from '../runtime/rpc.js'
import { lineToPage } from './worker-line.js'

/** What opening a model is told. */
export interface OpenRequest {
  readonly url: string
  readonly engine: Omit<WebEngineOptions, 'device'>
}

/** What the model is, once it is open. */
export interface OpenAnswer {
  readonly device: string
  readonly native: { readonly frames: number; readonly height: number; readonly width: number }
}

/** A picture as it comes from the page: pixels, or a file. */
export type PictureSource = Picture | Blob

/** What making a clip is told. */
export interface AnimateRequest {
  readonly picture: PictureSource
  readonly further: Readonly<Partial<Record<'end' | 'still' | 'moving', PictureSource>>>
  readonly settings: AnimateSettings
}

/** What editing a clip is told. */
export interface EditRequest {
  readonly clip: { readonly frames: Frames; readonly fps: number }
  readonly firstFrame: PictureSource
  readonly settings: EditSettings
}

/** ONNX Runtime for one device. */
interface Runtime {
  readonly ort: Ort
  readonly device: WebDevice
}

let runtime: Runtime | undefined
let model: ImageToVideo | undefined
/** Whoever waits is told of downloads. */
let tellDownload: ((progress: DownloadProgress) => void) | undefined

function opened(): ImageToVideo {
  if (!model) throw new Error('no model is open')
  return model
}

async function pictureOf(source: PictureSource): Promise<Picture> {
  return source instanceof Blob ? readImage(source) : source
}

/** Further pictures, being read. */
function opening(further: AnimateRequest['further']): Record<string, Promise<Picture>> {
  return Object.fromEntries(Object.entries(further).map(([name, source]) => [name, pictureOf(source)]))
}

function answerWith(clip: ClipContent): Answer {
  const { frames, alpha } = clip
  return { value: clip, transfer: [frames.data.buffer, ...(alpha ? [alpha.buffer] : [])] }
}

const handlers = {
  async open({ url, engine: options }: OpenRequest, { signal, report }: Work) {
    tellDownload = report
    const files = await ModelFiles.open(url, { signal })
    const onDownload = (progress: DownloadProgress) => tellDownload?.(progress)
    const source = await openModelFiles(files, { signal, onDownload })
    const { ort, device } = runtime!
    const engine = webEngine(ort, device, (file) => files.read(file), options)
    model = new ImageToVideo(source, engine)
    return { value: { device: engine.device, native: model.native } satisfies OpenAnswer }
  },

  async animate({ picture, further, settings }: AnimateRequest, { signal, report }: Work) {
    tellDownload = (progress) => report({ type: 'download', ...progress })
    const options = { ...settings, ...opening(further), signal, onProgress: report }
    return answerWith(await opened().animate(pictureOf(picture), options))
  },

  async preview({ picture, further, settings }: AnimateRequest) {
    return answerWith(await opened().preview(pictureOf(picture), { ...settings, ...opening(further) }))
  },

  async edit({ clip, firstFrame, settings }: EditRequest, { signal, report }: Work) {
    tellDownload = (progress) => report({ type: 'download', ...progress })
    const picture = pictureOf(firstFrame)
    return answerWith(await opened().edit(clip, picture, { ...settings, signal, onProgress: report }))
  },
}

/**
 * Holds one model: the networks, their memory and all that is slow about them, away from the page. Each device has a worker of its
 * own with its build of ONNX Runtime, because many bundlers make a worker one file, which cannot load the one that is needed.
 */
export function serveModel(ort: Ort, device: WebDevice): void {
  // The threads of ONNX Runtime load the same file again; they must not answer.
  if ((globalThis as { name?: string }).name?.startsWith('em-pthread')) return
  runtime = { ort, device }
  serve(handlers, lineToPage())
}
