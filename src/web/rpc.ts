import { UserError } from '../errors.js'

/** What a handler may use while it works. */
export interface Work {
  readonly signal: AbortSignal
  /** Tells the caller how far it is. */
  readonly report: (progress: unknown) => void
}

/** A handler's answer, and the buffers in it that are moved rather than copied. */
export interface Answer {
  readonly value: unknown
  readonly transfer?: readonly Transferable[]
}

/** What a worker can be asked for, by name. */
export type Handlers = Readonly<Record<string, (argument: never, work: Work) => Promise<Answer>>>

type Request =
  | { readonly id: number; readonly type: 'call'; readonly name: string; readonly argument: unknown }
  | { readonly id: number; readonly type: 'abort' }

type Response =
  | { readonly id: number; readonly type: 'progress'; readonly progress: unknown }
  | { readonly id: number; readonly type: 'done'; readonly value: unknown }
  | { readonly id: number; readonly type: 'failed'; readonly name: string; readonly message: string }

/** The part of a worker's global object that is used here; the types of windows and of workers exclude each other. */
interface WorkerScope {
  postMessage(message: Response, transfer?: Transferable[]): void
  addEventListener(type: 'message', listener: (event: MessageEvent<Request>) => void): void
}

/** Answers the calls that reach this worker. */
export function serve(handlers: Handlers): void {
  const scope = globalThis as unknown as WorkerScope
  const running = new Map<number, AbortController>()
  scope.addEventListener('message', ({ data: request }) => {
    if (request.type === 'abort') return running.get(request.id)?.abort()
    const { id, name, argument } = request
    const stop = new AbortController()
    running.set(id, stop)
    const report = (progress: unknown) => scope.postMessage({ id, type: 'progress', progress })
    handlers[name]!(argument as never, { signal: stop.signal, report })
      .then(({ value, transfer = [] }) => scope.postMessage({ id, type: 'done', value }, [...transfer]))
      .catch((error: unknown) => {
        const { name, message } = error instanceof Error ? error : new Error(String(error))
        scope.postMessage({ id, type: 'failed', name, message })
      })
      .finally(() => running.delete(id))
  })
}

/** What a call may be told. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: never) => void) | undefined
}

interface Waiting {
  readonly resolve: (value: never) => void
  readonly reject: (reason: unknown) => void
  readonly onProgress?: ((progress: never) => void) | undefined
}

/** The other end of a worker that runs `serve`. */
export class Remote {
  readonly #waiting = new Map<number, Waiting>()
  #next = 0

  constructor(private readonly worker: Worker) {
    worker.addEventListener('message', ({ data }: MessageEvent<Response>) => this.#receive(data))
    worker.addEventListener('error', (event) => {
      // A worker that cannot start, or dies, answers nothing more.
      const reason = new UserError(`the worker of sfv failed (${event.message || 'it did not load'}); reload the page`)
      for (const { reject } of this.#waiting.values()) reject(reason)
      this.#waiting.clear()
    })
  }

  /** Calls a handler; its errors come back as they were thrown: a UserError, an AbortError, or a plain one. */
  call<T>(name: string, argument: unknown, { signal, onProgress }: CallOptions = {}): Promise<T> {
    if (signal?.aborted) return Promise.reject(signal.reason as Error)
    const id = this.#next++
    const abort = () => this.worker.postMessage({ id, type: 'abort' } satisfies Request)
    signal?.addEventListener('abort', abort)
    const answer = new Promise<T>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject, onProgress })
      this.worker.postMessage({ id, type: 'call', name, argument } satisfies Request)
    })
    return answer.finally(() => signal?.removeEventListener('abort', abort))
  }

  /** Ends the worker, and with it its memory; calls that still run are rejected. */
  terminate(): void {
    this.worker.terminate()
    const reason = new DOMException('the worker was ended', 'AbortError')
    for (const { reject } of this.#waiting.values()) reject(reason)
    this.#waiting.clear()
  }

  #receive(response: Response): void {
    const waiting = this.#waiting.get(response.id)
    if (!waiting) return
    if (response.type === 'progress') return waiting.onProgress?.(response.progress as never)
    this.#waiting.delete(response.id)
    if (response.type === 'done') return waiting.resolve(response.value as never)
    const { name, message } = response
    waiting.reject(
      name === 'AbortError'
        ? new DOMException(message, name)
        : name === 'UserError'
          ? new UserError(message)
          : Object.assign(new Error(message), { name }),
    )
  }
}
