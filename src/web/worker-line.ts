import { UserError } from '../errors.js'
import type { Line, WorkerLine } from '../runtime/rpc.js'

/** The part of a worker's global object that is used here; the types of windows and of workers exclude each other. */
interface WorkerScope {
  postMessage(message: unknown, transfer?: Transferable[]): void
  addEventListener(type: 'message', listener: (event: MessageEvent<unknown>) => void): void
}

/** The line of a page to its worker. */
export function lineTo(worker: Worker): WorkerLine {
  return {
    post: (message) => worker.postMessage(message),
    onMessage: (listener) => worker.addEventListener('message', ({ data }: MessageEvent<unknown>) => listener(data)),
    onFailure: (listener) =>
      // A worker that cannot start, or dies, answers nothing more.
      worker.addEventListener('error', ({ message }) =>
        listener(new UserError(`the worker of sfv failed (${message || 'it did not load'}); reload the page`)),
      ),
    hold: () => undefined,
    terminate: () => worker.terminate(),
  }
}

/** The line of this worker to its page. */
export function lineToPage(): Line {
  const scope = globalThis as unknown as WorkerScope
  return {
    post: (message, transfer = []) => scope.postMessage(message, [...transfer] as Transferable[]),
    onMessage: (listener) => scope.addEventListener('message', ({ data }) => listener(data)),
  }
}
