import { parentPort, SHARE_ENV, Worker } from 'node:worker_threads'
import { Remote, type Line } from './rpc.js'

/**
 * Starts a thread that runs `serve`. It does not keep the process alive while nothing is asked of it.
 *
 * @param module the module that runs there, without its ending, such as `pipeline/model-thread.node`, from the root of
 *   the sources or of what was built of them
 */
export function startThread(module: string): Remote {
  const isSource = import.meta.url.endsWith('.ts')
  const url = new URL(`../${module}.${isSource ? 'ts' : 'js'}`, import.meta.url)
  const worker = new Worker(isSource ? new URL('../../scripts/source-thread.js', import.meta.url) : url, {
    workerData: url.href,
    // ONNX Runtime looks at the environment of the process, which a thread has a copy of unless told.
    env: SHARE_ENV,
  })
  worker.unref()
  return new Remote({
    post: (message) => worker.postMessage(message),
    onMessage: (listener) => worker.on('message', listener),
    onFailure: (listener) => {
      worker.once('error', (error) => listener(new Error(`a thread of sfv failed: ${error.message}`, { cause: error })))
      worker.once('exit', (code) => listener(new Error(`a thread of sfv ended with the code ${code}`)))
    },
    hold: (isWaiting) => (isWaiting ? worker.ref() : worker.unref()),
    terminate: () => void worker.terminate(),
  })
}

/** The line of this thread to its maker. */
export function lineToMaker(): Line {
  if (!parentPort) throw new Error('this module runs in a thread alone')
  const port = parentPort
  return {
    post: (message, transfer = []) => port.postMessage(message, [...transfer] as ArrayBuffer[]),
    onMessage: (listener) => port.on('message', listener),
  }
}
