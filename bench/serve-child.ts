// A service in a process of its own, with one thread a worker: DATA CONCURRENCY QUEUED. Prints its address.
import { serve } from '../src/server/serve.js'

const [data, concurrency, queued] = process.argv.slice(2) as [string, string, string]
const limits = {
  ...{ queued: Number(queued), queuedPerToken: Number(queued), runningPerToken: Number(concurrency) },
  ...{ bytesPerToken: 1e12, bytes: 2e7, pixels: 64e6 },
}
const { url } = await serve({
  ...{ model: 'models/fluent', data, concurrency: Number(concurrency), limits },
  ...{ host: '127.0.0.1', port: 0, threads: 1, device: 'cpu', precision: 'auto' },
  ...{ allowUrl: [], allowOrigin: [], timeLimit: 3600, requestLimit: 60 },
})
process.send!(url)
