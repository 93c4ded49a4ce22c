import type { Worker } from 'bullmq'
import { UserError } from '../errors.js'
import { DataFolder } from './data-folder.js'
import type { Execution } from './job.js'
import { identifyModel } from './model-identity.js'
import { connect, queueName, redisPackages } from './redis.js'
import type { WorkerOptions } from './worker-messages.js'
import { WorkerPool } from './worker-pool.js'

/** How a worker on Redis is run. */
export interface RedisWorkerOptions extends WorkerOptions {
  readonly queue: string
  readonly data: string
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
 * Takes clips from a queue on Redis. The data folder is the one of `sfv serve`.
 *
 * @throws UserError when the packages are missing, nothing answers at the address, or the model cannot be opened.
 */
export async function startWorker(options: RedisWorkerOptions): Promise<RunningWorker> {
  const { queue, concurrency, timeLimit, device, precision, threads, lockDuration = LOCK_MS } = options
  const packages = await redisPackages()
  const { Worker: BullWorker, UnrecoverableError } = packages.bullmq
  const connection = await connect(queue, packages)
  const model = await identifyModel(options.model)
  const data = await DataFolder.open(options.data)
  const pool = await WorkerPool.open(
    { model: model.folder, device, precision, threads, count: concurrency, timeLimit },
    data,
  )
  const abort = new AbortController()
  const worker: Worker = new BullWorker<Execution>(
    queueName(model.digest),
    async (job) => {
      if (await data.isMade(job.data)) return
      try {
        await pool.execute(job.data, {
          signal: abort.signal,
          onStart: () => undefined,
          onProgress: (progress) => void job.updateProgress({ ...progress }).catch(() => undefined),
        })
      } catch (error) {
        // What a user must mend fails the same the next time; a worker that died may have had bad luck.
        throw error instanceof UserError ? new UnrecoverableError(error.message) : error
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
      const timer = setTimeout(() => abort.abort(new Error('the worker ends')), grace * 1000)
      await ends.catch(() => undefined)
      clearTimeout(timer)
      await pool.close()
      connection.disconnect()
    },
  }
}
