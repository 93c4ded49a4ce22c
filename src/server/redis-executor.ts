import type { Queue, QueueEvents } from 'bullmq'
import type { Redis } from 'ioredis'
import { UserError } from '../errors.js'
import type { AnimateProgress } from '../pipeline/progress.js'
import type { ClipFiles } from './clip-files.js'
import { CANCELED, WorkerDied, type Executor, type Made, type Watch } from './executor.js'
import type { Execution } from './job.js'
import { cancelChannel, connect, queueName, redisPackages } from './redis.js'

/** How often it is looked up what became of the clips whose end was not heard of, in milliseconds. */
const SWEEP_MS = 2000
/** Clips that are looked up at a time. */
const SWEPT = 100

/** A clip that workers have been asked for. */
interface Pending {
  readonly execution: Execution
  readonly watch: Watch
  readonly resolve: (made?: Made) => void
  readonly reject: (error: Error) => void
  isRunning: boolean
}

/**
 * Has clips made by `sfv worker` on other machines, through BullMQ on Redis. What is asked for lies on disk here: where
 * Redis has lost it, it is asked for again.
 */
export class RedisExecutor implements Executor {
  /** Enough for many workers; the rest waits here, where it needs no memory of Redis. */
  readonly capacity = 256
  readonly goesOn = true
  readonly #pending = new Map<string, Pending>()
  #sweep: NodeJS.Timeout | undefined
  #isClosed = false

  private constructor(
    readonly queue: Queue,
    readonly events: QueueEvents,
    readonly connections: readonly Redis[],
    readonly files: ClipFiles,
  ) {
    events.on('progress', ({ jobId, data }) => this.#progress(jobId, data as AnimateProgress))
    events.on('active', ({ jobId }) => this.#started(jobId))
    events.on('completed', ({ jobId, returnvalue }) => this.#look(jobId, returnvalue as unknown as Made | undefined))
    events.on('failed', ({ jobId }) => this.#look(jobId))
    queue.on('error', () => undefined)
    events.on('error', () => undefined)
    this.#later()
  }

  /** @throws UserError when the packages are missing, or nothing answers at the address. */
  static async open(url: string, digest: string, files: ClipFiles): Promise<RedisExecutor> {
    const packages = await redisPackages()
    const { Queue, QueueEvents } = packages.bullmq
    const connections = [await connect(url, packages), await connect(url, packages)]
    const name = queueName(digest)
    const queue = new Queue(name, { connection: connections[0]! })
    const events = new QueueEvents(name, { connection: connections[1]! })
    return new RedisExecutor(queue, events, connections, files)
  }

  isReady(): boolean {
    return !this.#isClosed && this.connections[0]!.status === 'ready'
  }

  async execute(execution: Execution, watch: Watch): Promise<Made | undefined> {
    watch.signal.throwIfAborted()
    const { identity } = execution
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#pending.delete(identity)
        if (watch.signal.reason === CANCELED) void this.#cancel(identity).catch(() => undefined)
        reject(watch.signal.reason as Error)
      }
      const end = (then: () => void) => {
        this.#pending.delete(identity)
        watch.signal.removeEventListener('abort', leave)
        then()
      }
      watch.signal.addEventListener('abort', leave, { once: true })
      this.#pending.set(identity, {
        execution,
        watch,
        resolve: (made) => end(() => resolve(made)),
        reject: (error) => end(() => reject(error)),
        isRunning: false,
      })
      void this.#add(execution).catch(() => undefined)
    })
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#sweep)
    for (const connection of this.connections) connection.disconnect()
    await Promise.allSettled([this.queue.close(), this.events.close()])
  }

  /**
   * Asks for a clip; one that is asked for already stays as it is. A failure that is left of an earlier time is
   * removed.
   */
  async #add({ identity, input, settings, formats }: Execution): Promise<void> {
    if ((await this.queue.getJobState(identity)) === 'failed') await this.queue.remove(identity)
    await this.#ask({ identity, input, settings, formats })
  }

  async #ask(execution: Execution): Promise<void> {
    await this.queue.add('clip', execution, {
      jobId: execution.identity,
      attempts: 2,
      removeOnComplete: true,
      removeOnFail: { age: 7 * 24 * 3600, count: 10_000 },
    })
  }

  /** Takes a clip from the queue, or ends its making. Another server that waits for it too asks for it again. */
  async #cancel(identity: string): Promise<void> {
    await this.queue.remove(identity)
    await this.connections[0]!.publish(cancelChannel(this.queue.name), identity)
  }

  #progress(id: string, progress: AnimateProgress): void {
    this.#started(id)
    this.#pending.get(id)?.watch.onProgress(progress)
  }

  #started(id: string): void {
    const pending = this.#pending.get(id)
    if (!pending || pending.isRunning) return
    pending.isRunning = true
    pending.watch.onStart()
  }

  /** Finds out what became of a clip, now or, where that fails, when it is looked up. */
  #look(id: string, made?: Made): void {
    void this.#check(id, made).catch(() => undefined)
  }

  /** Finds out what became of a clip: its files count, then what Redis says. */
  async #check(id: string, made?: Made): Promise<void> {
    const pending = this.#pending.get(id)
    if (!pending) return
    const isMade = () => this.files.isMade(pending.execution)
    // Those that no worker has begun are not looked for: a bucket is asked over the network.
    if (pending.isRunning && (await isMade())) return pending.resolve(made)
    const job = await this.queue.getJob(id)
    if (job && (await job.isFailed())) {
      const reason = job.failedReason ?? 'it failed'
      const isPoison = /stalled more than|worker died/.test(reason)
      return pending.reject(isPoison ? new WorkerDied(reason, 2) : new UserError(reason))
    }
    if (job) return
    if (await isMade()) pending.resolve(made)
    else await this.#ask(pending.execution)
  }

  #later(): void {
    this.#sweep = setTimeout(() => void this.#lookUp(), SWEEP_MS)
  }

  /** The first of those that wait: they are the oldest, which workers take first. Looked up, they go to the end. */
  async #lookUp(): Promise<void> {
    for (const [id, pending] of [...this.#pending].slice(0, SWEPT)) {
      if (this.#isClosed) return
      await this.#check(id).catch(() => undefined)
      if (this.#pending.delete(id)) this.#pending.set(id, pending)
    }
    if (!this.#isClosed) this.#later()
  }
}
