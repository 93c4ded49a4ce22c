import type { ClipContent } from '../media/clip.js'
import type { Picture } from '../media/frames.js'
import { readImage } from '../media/image.web.js'
import { ImageToVideo } from '../pipeline/image-to-video.js'
import { Model } from '../svd/model.js'
import { openModelFiles } from '../svd/model-files.web.js'
import type { AnimateSettings, EditSettings, ExtendSettings } from '../pipeline/settings.js'
import { webEngine, type Ort, type WebDevice, type WebEngineOptions } from '../runtime/engine.web.js'
import { ModelFiles, type DownloadProgress } from '../weights/model-files.web.js'
import { serve, type Answer, type Work } from '../runtime/rpc.js'
import { fetchRuntime } from './compressed-runtime.js'
import { factsOf, type ModelFacts } from './model-facts.js'
import { lineToPage } from './worker-line.js'

/** What opening a model is told. */
export interface OpenRequest {
  readonly url: string
  readonly engine: Omit<WebEngineOptions, 'device'>
}

/** What the model is, once it is open. */
export interface OpenAnswer extends ModelFacts {
  readonly device: string
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
  readonly clip: Pick<ClipContent, 'frames' | 'alpha' | 'fps'>
  readonly firstFrame: PictureSource
  readonly settings: EditSettings
}

/** What extending a clip is told. */
export interface ExtendRequest {
  readonly clip: EditRequest['clip']
  readonly further: Readonly<Partial<Record<'end', PictureSource>>>
  readonly settings: ExtendSettings
}

/** ONNX Runtime for one device. */
interface Runtime {
  readonly ort: Ort
  readonly device: WebDevice
}

let runtime: Runtime | undefined
let model: ImageToVideo | undefined
let files: Promise<ModelFiles> | undefined
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
function opening(further: AnimateRequest['further'] | ExtendRequest['further']): Record<string, Promise<Picture>> {
  return Object.fromEntries(Object.entries(further).map(([name, source]) => [name, pictureOf(source)]))
}

/** Lets go of the weights' bytes once a clip is made: its networks hold copies of their own, and the next clip's mostly are the same. */
async function released<T>(making: Promise<T>): Promise<T> {
  const made = await making
  ;(await files)?.release()
  return made
}

function answerWith(clip: ClipContent): Answer {
  const { frames, alpha } = clip
  return { value: clip, transfer: [frames.data.buffer, ...(alpha ? [alpha.buffer] : [])] }
}

const handlers = {
  async open({ url, engine: options }: OpenRequest, { signal, report }: Work) {
    const { ort, device } = runtime!
    // One progress over all that is fetched; each part tells its own bytes.
    const parts = new Map<string, DownloadProgress | undefined>([['model', undefined]])
    if (options.compressed) parts.set('runtime', undefined)
    const told = (part: string) => (progress: DownloadProgress) => {
      if (isOpen) return tellDownload?.(progress)
      parts.set(part, progress)
      const known = [...parts.values()]
      if (known.includes(undefined)) return
      const sum = (of: 'loaded' | 'total') => known.reduce((all, each) => all + each![of], 0)
      report({ file: progress.file, loaded: sum('loaded'), total: sum('total') })
    }
    let isOpen = false
    files = ModelFiles.open(url, { signal })
    const opening = files
    const [source, wasm] = await Promise.all([
      opening.then((files) => openModelFiles(files, { signal, onDownload: told('model') })),
      options.compressed ? fetchRuntime(device, options.runtime, { signal, onDownload: told('runtime') }) : undefined,
    ])
    isOpen = true
    const read = async (file: string) => (await opening).read(file)
    const engine = webEngine(ort, device, read, options, wasm)
    model = new ImageToVideo(source, engine)
    const facts = factsOf(new Model(source, engine))
    return { value: { device: engine.device, ...facts } satisfies OpenAnswer }
  },

  async animate({ picture, further, settings }: AnimateRequest, { signal, report }: Work) {
    tellDownload = (progress) => report({ type: 'download', ...progress })
    const options = { ...settings, ...opening(further), signal, onProgress: report }
    return answerWith(await released(opened().animate(pictureOf(picture), options)))
  },

  async preview({ picture, further, settings }: AnimateRequest) {
    return answerWith(await opened().preview(pictureOf(picture), { ...settings, ...opening(further) }))
  },

  async edit({ clip, firstFrame, settings }: EditRequest, { signal, report }: Work) {
    tellDownload = (progress) => report({ type: 'download', ...progress })
    const picture = pictureOf(firstFrame)
    return answerWith(await released(opened().edit(clip, picture, { ...settings, signal, onProgress: report })))
  },

  async extend({ clip, further, settings }: ExtendRequest, { signal, report }: Work) {
    tellDownload = (progress) => report({ type: 'download', ...progress })
    const options = { ...settings, ...opening(further), signal, onProgress: report }
    return answerWith(await released(opened().extend(clip, options)))
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
