import { UserError } from '../errors.js'
import type { ClipContent } from '../media/clip.js'
import { onWhite } from '../media/clip-frame.js'
import { checkPicture } from '../media/picture.js'
import type { AnimateProgress } from '../pipeline/progress.js'
import type { AnimateSettings, EditSettings, ExtendSettings } from '../pipeline/settings.js'
import { chooseDevice, type WebDevice, type WebEngineOptions } from '../runtime/engine.web.js'
import type { DownloadProgress } from '../weights/model-files.web.js'
import { Clip } from './clip.js'
import type {
  AnimateRequest,
  EditRequest,
  ExtendRequest,
  OpenAnswer,
  OpenRequest,
  PictureSource,
} from './model-worker.js'
import type { ModelFacts } from './model-facts.js'
import { Remote } from '../runtime/rpc.js'
import { lineTo } from './worker-line.js'

/** What `animate` and `edit` report: the stages of the work, and what must be fetched first. */
export type WebProgress = AnimateProgress | ({ readonly type: 'download' } & DownloadProgress)

/** How `fromPretrained` opens a model. */
export interface PretrainedOptions extends WebEngineOptions {
  /** How far the weights of a single forward are, and a compressed runtime; those for more steps are told to the clip that needs them. */
  readonly onDownload?: (progress: DownloadProgress) => void
  /** Ends the download. */
  readonly signal?: AbortSignal
}

/** What the making of a clip may be told beside its settings. */
export interface MakingOptions {
  readonly onProgress?: (progress: WebProgress) => void
  /** Ends the work between two runs of a network, with an AbortError. */
  readonly signal?: AbortSignal
}

/** What `animate` may be told. */
export interface AnimateOptions extends AnimateSettings, MakingOptions {
  /** What the clip ends with. */
  readonly end?: PictureInput
  /** What shall stand still: white where it does. */
  readonly still?: PictureInput
  /** What may move: white where it may; all else stands still. */
  readonly moving?: PictureInput
}

/** What `edit` may be told. */
export interface EditOptions extends EditSettings, MakingOptions {}

/** What `extend` may be told. */
export interface ExtendOptions extends ExtendSettings, MakingOptions {
  /** What the last link ends with. */
  readonly end?: PictureInput
}

/** A picture: pixels (also with opacity, as `ImageData`), a file, its bytes, or its address. */
export type PictureInput = PictureSource | ImageData | Uint8Array<ArrayBuffer> | ArrayBuffer | URL | string

/**
 * `ImageToVideo` for browsers: the networks run in a worker of their own, so that the page never waits. Weights are
 * fetched once and kept in the browser's storage under their checksum.
 */
export class ImageToVideo {
  private constructor(
    private readonly worker: Remote,
    /** Where the networks run: `webgpu` or `wasm`. */
    readonly device: string,
    /** The frames and the size in pixels that the model was trained for: what `animate` makes unless told. */
    readonly native: ModelFacts['native'],
    /** The settings that hold where nothing is told. */
    readonly defaults: ModelFacts['defaults'],
    /** What the model can do beside making a clip of a picture. */
    readonly abilities: ModelFacts['abilities'],
  ) {}

  /**
   * Opens a model from a server: the address of a folder in the layout of diffusers that has a `manifest.json`, which
   * `sfv manifest FOLDER` writes.
   *
   * @throws UserError when it cannot be fetched, is damaged or not supported, or the browser lacks what was asked for.
   */
  static async fromPretrained(url: string, options: PretrainedOptions = {}): Promise<ImageToVideo> {
    const { onDownload, signal, device: asked, ...engine } = options
    const worker = new Remote(lineTo(modelWorker(await chooseDevice(asked))))
    try {
      const request: OpenRequest = { url: new URL(url, location.href).href, engine: absolute(engine) }
      const { device, native, defaults, abilities } = await worker.call<OpenAnswer>('open', request, {
        signal,
        onProgress: onDownload,
      })
      return new ImageToVideo(worker, device, native, defaults, abilities)
    } catch (error) {
      worker.terminate()
      throw error
    }
  }

  /**
   * Makes a clip of a picture: pixels, a file such as `<input type=file>` gives, or an address.
   *
   * @throws UserError when the picture cannot be read, a setting is wrong, or the model cannot make such a clip.
   */
  async animate(picture: PictureInput, options: AnimateOptions = {}): Promise<Clip> {
    const { onProgress, signal, ...asked } = options
    const request = await requestOf(picture, asked)
    return new Clip(await this.worker.call<ClipContent>('animate', request, { signal, onProgress }))
  }

  /**
   * What drags and masks make of a picture, as a rough clip that can be shown at once: no network runs.
   *
   * @throws UserError as `animate` does.
   */
  async preview(picture: PictureInput, options: Omit<AnimateOptions, keyof MakingOptions> = {}): Promise<Clip> {
    return new Clip(await this.worker.call<ClipContent>('preview', await requestOf(picture, options)))
  }

  /**
   * Carries a change of a clip's first frame through the clip, in one forward.
   *
   * @param firstFrame the clip's first frame, changed
   * @throws UserError as `animate` does, and when the clip is shorter than the frames that are asked for.
   */
  async edit(
    clip: Pick<ClipContent, 'frames' | 'alpha' | 'fps'>,
    firstFrame: PictureInput,
    options: EditOptions = {},
  ): Promise<Clip> {
    const { onProgress, signal, ...settings } = options
    const { frames, alpha, fps } = clip
    const request: EditRequest = { clip: { frames, alpha, fps }, firstFrame: await fetched(firstFrame), settings }
    return new Clip(await this.worker.call<ClipContent>('edit', request, { signal, onProgress }))
  }

  /**
   * Makes a clip longer by `links` clips, each on the last frames of the one before, with colours and sharpness held to its first
   * frame; with `loop` the last one leads back there.
   *
   * @throws UserError as `animate` does, and when the clip does not move.
   */
  async extend(clip: EditRequest['clip'], options: ExtendOptions = {}): Promise<Clip> {
    const { onProgress, signal, end, ...settings } = options
    const { frames, alpha, fps } = clip
    const further = end === undefined ? {} : { end: await fetched(end) }
    const request: ExtendRequest = { clip: { frames, alpha, fps }, further, settings }
    return new Clip(await this.worker.call<ClipContent>('extend', request, { signal, onProgress }))
  }

  /** Ends the worker and frees all memory of the model; clips that are being made are rejected with an AbortError. */
  dispose(): void {
    this.worker.terminate()
  }
}

/** Bundlers find a worker by an address that is written out. */
function modelWorker(device: WebDevice): Worker {
  return device === 'webgpu'
    ? new Worker(new URL('./model-worker-webgpu.js', import.meta.url), { type: 'module' })
    : new Worker(new URL('./model-worker-wasm.js', import.meta.url), { type: 'module' })
}

/** The worker resolves addresses against its own, so that it is given whole ones. */
function absolute(engine: OpenRequest['engine']): OpenRequest['engine'] {
  return engine.runtime === undefined ? engine : { ...engine, runtime: new URL(engine.runtime, location.href).href }
}

async function requestOf(
  picture: PictureInput,
  { end, still, moving, ...settings }: Omit<AnimateOptions, keyof MakingOptions>,
): Promise<AnimateRequest> {
  const further: Record<string, PictureSource> = {}
  for (const [name, input] of Object.entries({ end, still, moving }))
    if (input !== undefined) further[name] = await fetched(input)
  return { picture: await fetched(picture), further, settings }
}

async function fetched(picture: PictureInput): Promise<PictureSource> {
  if (typeof picture === 'string' || picture instanceof URL) return download(String(picture))
  if (picture instanceof Blob) return picture
  if (picture instanceof ArrayBuffer || picture instanceof Uint8Array) return new Blob([picture.slice()])
  if (picture instanceof ImageData) return { ...onWhite(picture.data, picture.width, picture.height) }
  checkPicture(picture, 'the picture', 'pixels, ImageData, an address, or a picture file as a Blob or its bytes')
  // A view into a larger buffer would be sent with all of it.
  return { ...picture, data: picture.data.slice(), ...(picture.alpha && { alpha: picture.alpha.slice() }) }
}

async function download(address: string): Promise<Blob> {
  const response = await fetch(address).catch(() => undefined)
  if (!response?.ok) throw new UserError(`cannot fetch the picture ${address}; check its address`)
  return response.blob()
}
