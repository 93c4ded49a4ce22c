import type { Worker } from 'bullmq'
import { UserError } from '../errors.js'
import { ClipFiles } from './clip-files.js'
import { CANCELED, type Made } from './executor.js'
import type { Execution } from './job.js'
import { identifyModel } from './model-identity.js'
import { cancelChannel, connect, queueName, redisPackages } from './redis.js'
import { openStorage } from './storage.js'
import type { WorkerOptions } from './worker-messages.js'
import { WorkerPool } from './worker-pool.js'

/** How a worker on Redis is run. */
export interface RedisWorkerOptions extends WorkerOptions {
  readonly queue: string
  readonly concurrency: number
  /** Seconds that a clip may take. */
  readonly timeLimit: number
  /** Milliseconds for which a job is a worker's own without a word of it. Default: 30,000. */
  readonly lockDuration?: number
}

/** A worker that runs. */
export interface RunningWorker {
  readonly pool: WorkerPool
  /** Takes no more, lets what runs finish within `grace` seconds, and ends; the rest goes to others. */
  close(grace: number): Promise<void>
}

/** Milliseconds for which a job is a worker's own; renewed at half of it, by a thread that no network blocks. */
const LOCK_MS = 30_000

/**
 * Takes clips from a queue on Redis. The storage is the one of `sfv serve`.
 *
 * @throws UserError when the packages are missing, nothing answers at the address, or the model cannot be opened.
 */
export async function startWorker(options: RedisWorkerOptions): Promise<RunningWorker> {
  const { queue, storage, concurrency, timeLimit, device, precision, threads, lockDuration = LOCK_MS } = options
  const packages = await redisPackages()
  const { Worker: BullWorker, UnrecoverableError } = packages.bullmq
  const connection = await connect(queue, packages)
  const model = await identifyModel(options.model)
  const files = new ClipFiles(await openStorage(storage))
  const pool = await WorkerPool.open({
    ...{ model: model.folder, storage, device, precision, threads, timeLimit },
    count: concurrency,
  })
  const name = queueName(model.digest)
  const running = new Map<string, AbortController>()
  const cancels = await connect(queue, packages)
  await cancels.subscribe(cancelChannel(name))
  cancels.on('message', (_, identity: string) => running.get(identity)?.abort(CANCELED))
  const worker: Worker = new BullWorker<Execution, Made | undefined>(
    name,
    async (job) => {
      const abort = new AbortController()
      running.set(job.data.identity, abort)
      try {
        if (await files.isMade(job.data)) return undefined
        return await pool.execute(job.data, {
          signal: abort.signal,
          onStart: () => undefined,
          onProgress: (progress) => void job.updateProgress({ ...progress }).catch(() => undefined),
        })
      } catch (error) {
        // A server that wants it all the same finds no file, and asks again.
        if (abort.signal.reason === CANCELED) return undefined
        // What a user must mend fails the same the next time; a worker that died may have had bad luck.
        throw error instanceof UserError ? new UnrecoverableError(error.message) : error
      } finally {
        running.delete(job.data.identity)
      }
    },
    // A job may stall once: of two workers that died with it, it was the cause.
    { connection, concurrency, lockDuration, stalledInterval: lockDuration / 2, maxStalledCount: 1 },
  )
  worker.on('error', () => undefined)
  return {
    pool,
    close: async (grace) => {
      const ends = worker.close()
      const timer = setTimeout(() => {
        for (const abort of running.values()) abort.abort(new Error('the worker ends'))
      }, grace * 1000)
      await ends.catch(() => undefined)
      clearTimeout(timer)
      await pool.close()
      connection.disconnect()
      cancels.disconnect()
    },
  }
}
