import { ImageToVideo, UserError, type DownloadProgress } from '../../src/web/index.js'

/** Where a model comes from: an address, or files of the user's own device. */
export type Origin = string | ReadonlyMap<string, Blob>

/** The address of the model that comes with the studio. */
export const OWN_MODEL = 'model/'

/** Where models may come from beside the studio's own host; the build fills it in. */
declare const MODEL_ORIGINS: readonly string[]

/** The model of the studio, opened once; another one takes its place. */
export class Session {
  #opening: Promise<ImageToVideo> | undefined
  #origin: Origin

  /**
   * @param isolated is kept once the page has threads, or is known to go without
   * @param onDownload how far the weights and the runtime are
   * @param onOpen is told of the model once it is there, be it at the second attempt
   */
  constructor(
    private readonly isolated: Promise<unknown>,
    origin: Origin,
    private readonly onDownload: (progress: DownloadProgress) => void,
    private readonly onOpen: (model: ImageToVideo) => void,
  ) {
    this.#origin = origin
  }

  /** The model; what failed is tried again the next time. */
  model(): Promise<ImageToVideo> {
    this.#opening ??= this.isolated
      .then(() => this.#open(this.#origin))
      .then((model) => {
        this.onOpen(model)
        return model
      })
    this.#opening.catch(() => (this.#opening = undefined))
    return this.#opening
  }

  /**
   * Puts another model in the place of this one, once it is open.
   *
   * @throws UserError when it cannot be opened; the one before stays.
   */
  async change(origin: Origin, signal: AbortSignal): Promise<ImageToVideo> {
    const before = this.#opening
    const model = await this.#open(origin, signal)
    this.#origin = origin
    this.#opening = Promise.resolve(model)
    before?.then((old) => old.dispose()).catch(() => undefined)
    return model
  }

  #open(origin: Origin, signal?: AbortSignal): Promise<ImageToVideo> {
    if (typeof origin === 'string') checkOrigin(origin)
    const { onDownload } = this
    return ImageToVideo.fromPretrained(origin, {
      runtime: 'ort/',
      compressed: true,
      onDownload,
      ...(signal && { signal }),
    })
  }
}

/** The page's policy would refuse any other: it is said in words. */
function checkOrigin(address: string): void {
  if (!URL.canParse(address, location.href)) throw new UserError(`${address} is no address; begin it with https://`)
  const { origin } = new URL(address, location.href)
  if (import.meta.env.DEV || origin === location.origin || MODEL_ORIGINS.includes(origin)) return
  throw new UserError(
    `this studio takes no models of ${origin}; give a folder or a zip, or build it with SFV_MODEL_ORIGINS=${origin}`,
  )
}

/** What people call where the networks run. */
export function deviceName(device: string): string {
  if (device === 'webgpu') return 'the graphics card'
  return crossOriginIsolated ? `${navigator.hardwareConcurrency} cores` : '1 core'
}
