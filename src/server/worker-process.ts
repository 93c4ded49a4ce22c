import { UserError } from '../errors.js'
import { ImageToVideo } from '../pipeline/pretrained.node.js'
import { inputName, resultName } from './clip-files.js'
import { openStorage, type Storage } from './storage.js'
import type { FromWorker, ToWorker, WorkerOptions } from './worker-messages.js'

/** One open model in a process of its own: the server starts it, and lives on when it crashes. */
class Worker {
  #sfv: ImageToVideo | undefined
  #storage: Storage | undefined
  #abort = new AbortController()

  async take(message: ToWorker): Promise<void> {
    if (message.type === 'cancel') return this.#abort.abort(new UserError('the clip was canceled'))
    try {
      if (message.type === 'open') await this.#open(message.options)
      else await this.#make(message)
    } catch (error) {
      const message = error instanceof Error ? error.message.split('\n')[0]! : String(error)
      tell({ type: 'failed', message, isUsers: error instanceof UserError })
    }
  }

  async #open(options: WorkerOptions): Promise<void> {
    const { model, storage, ...rest } = options
    this.#storage = await openStorage(storage)
    this.#sfv = await ImageToVideo.fromPretrained(model, { ...rest, worker: false })
    tell({ type: 'ready' })
  }

  async #make({ execution }: Extract<ToWorker, { type: 'make' }>): Promise<void> {
    const { identity, input, settings, formats } = execution
    this.#abort = new AbortController()
    const seconds: Record<string, number> = {}
    let before = performance.now()
    const at = (stage: string) => {
      const now = performance.now()
      seconds[stage] = (seconds[stage] ?? 0) + (now - before) / 1000
      before = now
    }
    const picture = await this.#storage!.read(inputName(input))
    if (!picture) throw new UserError('the picture has been removed; send the request again')
    const clip = await this.#sfv!.animate(picture.body, {
      ...settings,
      signal: this.#abort.signal,
      onProgress: (progress) => {
        if (progress.type === 'stage') at(progress.stage)
        if (progress.type !== 'memory') tell({ type: 'progress', progress })
      },
    })
    for (const format of formats) {
      const bytes = await clip.toBuffer(format, { signal: this.#abort.signal })
      await this.#storage!.keep(resultName(identity, format), bytes)
    }
    at('save')
    tell({ type: 'made', made: { seconds, memory: process.memoryUsage.rss() } })
  }
}

/** A server that has died meanwhile hears nothing: this process then ends by itself. */
function tell(message: FromWorker): void {
  if (process.connected) process.send!(message, undefined, undefined, () => undefined)
}

// Ctrl-C in a terminal reaches every process of the group; the server alone decides when its workers end.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => undefined)
process.on('disconnect', () => process.exit(0))
const worker = new Worker()
process.on('message', (message) => void worker.take(message as ToWorker))
