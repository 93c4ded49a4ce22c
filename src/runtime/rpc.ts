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
  readonly transfer?: readonly ArrayBufferLike[]
}

/** What a worker can be asked for, by name. */
export type Handlers = Readonly<Record<string, (argument: never, work: Work) => Promise<Answer>>>

type Request =
  | { readonly id: number; readonly type: 'call'; readonly name: string; readonly argument: unknown }
  | { readonly id: number; readonly type: 'abort' }

type Response =
  | { readonly id: number; readonly type: 'progress'; readonly progress: unknown }
  | { readonly id: number; readonly type: 'done'; readonly value: unknown }
  | ({ readonly id: number; readonly type: 'failed' } & SentError)

/** An error on its way: its class is told by its name. */
interface SentError {
  readonly name: string
  readonly message: string
  readonly stack?: string | undefined
  readonly code?: string | undefined
}

/** The classes of errors that stay what they are; others become plain errors with their name. */
const CLASSES: Readonly<Record<string, new (message: string) => Error>> = {
  UserError,
  RangeError,
  TypeError,
  SyntaxError,
  ReferenceError,
}

function sent(error: unknown): SentError {
  const { name, message, stack, code } = (error instanceof Error ? error : new Error(String(error))) as SentError
  return { name, message, stack, code: typeof code === 'string' ? code : undefined }
}

function received({ name, message, stack, code }: SentError): Error {
  if (name === 'AbortError' || name === 'TimeoutError') return new DOMException(message, name)
  const Class = CLASSES[name]
  const error = Class ? new Class(message) : Object.assign(new Error(message), { name })
  return Object.assign(error, { stack }, code === undefined ? {} : { code })
}

/** One end of the line between a worker and whoever made it: a browser's and Node's differ. */
export interface Line {
  post(message: unknown, transfer?: readonly ArrayBufferLike[]): void
  onMessage(listener: (message: unknown) => void): void
}

/** The end of whoever made the worker. */
export interface WorkerLine extends Line {
  /** Is told once when the worker can answer no more, and why. */
  onFailure(listener: (reason: Error) => void): void
  /** Whether calls are waiting: Node must not end then, and may end otherwise. */
  hold(isWaiting: boolean): void
  /** Ends the worker. */
  terminate(): void
}

/** Answers the calls that reach this worker. */
export function serve(handlers: Handlers, line: Line): void {
  const running = new Map<number, AbortController>()
  line.onMessage((message) => {
    const request = message as Request
    if (request.type === 'abort') return running.get(request.id)?.abort()
    const { id, name, argument } = request
    const stop = new AbortController()
    running.set(id, stop)
    const answer = (response: Response, transfer?: Answer['transfer']) => line.post(response, transfer)
    const report = (progress: unknown) => answer({ id, type: 'progress', progress })
    handlers[name]!(argument as never, { signal: stop.signal, report })
      .then(({ value, transfer }) => answer({ id, type: 'done', value }, transfer))
      .catch((error: unknown) => answer({ id, type: 'failed', ...sent(error) }))
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
  #ended: Error | undefined

  constructor(private readonly line: WorkerLine) {
    line.onMessage((message) => this.#receive(message as Response))
    line.onFailure((reason) => this.#end(reason))
  }

  /** Whether the worker has failed or was ended, so that every call is rejected. */
  get ended(): boolean {
    return this.#ended !== undefined
  }

  /**
   * Calls a handler; its errors come back as they were thrown: a UserError, an AbortError, or a plain one. A call whose
   * signal is aborted is rejected at once with the signal's reason; the worker ends it when it can. After the worker
   * has failed or was ended, every call is rejected.
   */
  call<T>(name: string, argument: unknown, { signal, onProgress }: CallOptions = {}): Promise<T> {
    if (signal?.aborted) return Promise.reject(signal.reason as Error)
    if (this.#ended) return Promise.reject(this.#ended)
    const id = this.#next++
    const abort = () => {
      this.line.post({ id, type: 'abort' } satisfies Request)
      this.#waiting.get(id)?.reject(signal!.reason)
      this.#forget(id)
    }
    signal?.addEventListener('abort', abort, { once: true })
    const answer = new Promise<T>((resolve, reject) => {
      this.line.post({ id, type: 'call', name, argument } satisfies Request)
      this.#waiting.set(id, { resolve, reject, onProgress })
      this.line.hold(true)
    })
    return answer.finally(() => signal?.removeEventListener('abort', abort))
  }

  /** Ends the worker, and with it its memory; calls that still run are rejected. */
  terminate(): void {
    this.line.terminate()
    this.#end(new DOMException('the worker was ended', 'AbortError'))
  }

  #end(reason: Error): void {
    this.#ended ??= reason
    for (const { reject } of this.#waiting.values()) reject(reason)
    this.#waiting.clear()
    this.line.hold(false)
  }

  #forget(id: number): void {
    this.#waiting.delete(id)
    if (this.#waiting.size === 0) this.line.hold(false)
  }

  #receive(response: Response): void {
    const waiting = this.#waiting.get(response.id)
    if (!waiting) return
    if (response.type === 'progress') {
      try {
        return waiting.onProgress?.(response.progress as never)
      } catch (error) {
        // What the caller's function throws ends the call, as if it had run in the worker.
        this.#forget(response.id)
        this.line.post({ id: response.id, type: 'abort' } satisfies Request)
        return waiting.reject(error)
      }
    }
    this.#forget(response.id)
    if (response.type === 'done') return waiting.resolve(response.value as never)
    waiting.reject(received(response))
  }
}
