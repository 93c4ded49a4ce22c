import { UserError } from '../errors.js'
import { formatOf } from '../media/output.node.js'
import { ImageToVideo } from '../pipeline/pretrained.node.js'
import { publish } from './data-folder.js'
import type { FromWorker, ToWorker, WorkerOptions } from './worker-messages.js'

/** One open model in a process of its own: the server starts it, and lives on when it crashes. */
class Worker {
  #sfv: ImageToVideo | undefined
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
    const { model, ...rest } = options
    this.#sfv = await ImageToVideo.fromPretrained(model, { ...rest, worker: false })
    tell({ type: 'ready' })
  }

  async #make({ picture, settings, outputs }: Extract<ToWorker, { type: 'make' }>): Promise<void> {
    this.#abort = new AbortController()
    const seconds: Record<string, number> = {}
    let before = performance.now()
    const at = (stage: string) => {
      const now = performance.now()
      seconds[stage] = (seconds[stage] ?? 0) + (now - before) / 1000
      before = now
    }
    const clip = await this.#sfv!.animate(picture, {
      ...settings,
      signal: this.#abort.signal,
      onProgress: (progress) => {
        if (progress.type === 'stage') at(progress.stage)
        if (progress.type !== 'memory') tell({ type: 'progress', progress })
      },
    })
    for (const { path } of outputs)
      await publish(path, await clip.toBuffer(formatOf(path), { signal: this.#abort.signal }))
    at('save')
    tell({ type: 'made', seconds, memory: process.memoryUsage.rss() })
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
