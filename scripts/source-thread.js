// Runs a module of src/ in a thread: the main thread's loader of TypeScript does not reach there.
import { workerData } from 'node:worker_threads'
import { register } from 'tsx/esm/api'

register()
await import(workerData)
