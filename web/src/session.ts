import { ImageToVideo, type DownloadProgress } from '../../src/web/index.js'

/** The model of the studio, opened once. */
export class Session {
  #opening: Promise<ImageToVideo> | undefined

  /**
   * @param isolated is kept once the page has threads, or is known to go without
   * @param onDownload how far the weights and the runtime are
   */
  constructor(
    private readonly isolated: Promise<unknown>,
    private readonly onDownload: (progress: DownloadProgress) => void,
  ) {}

  /** The model; what failed is tried again the next time. */
  model(): Promise<ImageToVideo> {
    this.#opening ??= this.isolated.then(() =>
      ImageToVideo.fromPretrained('model/', { runtime: 'ort/', compressed: true, onDownload: this.onDownload }),
    )
    this.#opening.catch(() => (this.#opening = undefined))
    return this.#opening
  }
}

/** What people call where the networks run. */
export function deviceName(device: string): string {
  if (device === 'webgpu') return 'the graphics card'
  return crossOriginIsolated ? `${navigator.hardwareConcurrency} cores` : '1 core'
}
