// A worker on Redis with a short lock, in a process of its own that a test can stop: QUEUE DATA.
import { startWorker } from '../../src/server/redis-worker.js'
import { TINY } from '../pipeline/tiny.js'

const [queue, data] = process.argv.slice(2) as [string, string]
await startWorker({
  ...{ queue, storage: data, model: TINY, concurrency: 1, device: 'cpu', precision: 'float32', threads: 1 },
  ...{ timeLimit: 60, lockDuration: 1000 },
})
process.send?.('ready')
