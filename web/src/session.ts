import { ImageToVideo, type DownloadProgress } from '../../src/web/index.js'

/** The model of the studio, opened once. */
export class Session {
  #opening: Promise<ImageToVideo> | undefined

  /** @param onDownload how far the weights are */
  constructor(private readonly onDownload: (progress: DownloadProgress) => void) {}

  /** The model; what failed is tried again the next time. */
  model(): Promise<ImageToVideo> {
    this.#opening ??= ImageToVideo.fromPretrained('model/', { runtime: 'ort/', onDownload: this.onDownload })
    this.#opening.catch(() => (this.#opening = undefined))
    return this.#opening
  }
}

/** Runs the newest of what is asked for, one at a time: while one runs, only the last that came since is kept. */
export class Latest {
  #running = false
  #next: (() => Promise<void>) | undefined

  /** Runs `work` now, or once what runs is done, unless something newer has come by then. */
  run(work: () => Promise<void>): void {
    this.#next = work
    if (!this.#running) void this.#drain()
  }

  async #drain(): Promise<void> {
    this.#running = true
    while (this.#next) {
      const work = this.#next
      this.#next = undefined
      await work()
    }
    this.#running = false
  }
}
