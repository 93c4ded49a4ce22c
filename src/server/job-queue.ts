import { EventEmitter } from 'node:events'
import { UserError } from '../errors.js'
import type { AnimateProgress } from '../pipeline/progress.js'
import { ApiError } from './api-error.js'
import type { DataFolder } from './data-folder.js'
import { WorkerDied, type Executor } from './executor.js'
import { isOver, type Job, type JobProgress } from './job.js'
import type { JobStore } from './job-store.js'
import { percentOf } from './percent.js'

/** Workers that may die of one job before it is given up. */
const MOST_DEATHS = 2

/** Seconds after which a client that was refused may try again. */
const RETRY_AFTER = 10

/** What one token may have in the queue. */
export interface QueueLimits {
  /** Jobs that wait, of all tokens. */
  readonly queued: number
  /** Jobs of one token that wait. */
  readonly queuedPerToken: number
  /** Jobs of one token that run at a time. */
  readonly runningPerToken: number
  /** Bytes of pictures of one token's jobs that wait. */
  readonly bytesPerToken: number
}

/** What listeners are told of a job: its new state, or where it has come to. */
export type JobEvent =
  | { readonly type: 'state'; readonly job: Job }
  | { readonly type: 'progress'; readonly progress: JobProgress; readonly detail: AnimateProgress }

/** A job that runs. */
interface Running {
  readonly abort: AbortController
  progress: JobProgress
  readonly done: Promise<void>
}

/** Why an execution was aborted: its job was canceled, or goes back to the queue. */
const CANCELED = Symbol('canceled')
const RETURNED = Symbol('returned')

/** The embedded queue: first come, first served, each clip made once, every state on disk before it is told. */
export class JobQueue {
  readonly #waiting = new Set<string>()
  readonly #running = new Map<string, Running>()
  readonly #events = new EventEmitter().setMaxListeners(0)
  #isClosing = false

  constructor(
    readonly store: JobStore,
    readonly data: DataFolder,
    readonly executor: Executor,
    readonly limits: QueueLimits,
  ) {
    for (const job of store.values()) if (!isOver(job)) this.#waiting.add(job.id)
  }

  /** Begins with what was left of the last time. */
  start(): void {
    this.#pump()
  }

  /**
   * Takes in a job, or returns the one that is there: the same request twice is one execution. One that failed is tried
   * again.
   *
   * @throws ApiError when the queue is full, or the token has used up what it may.
   */
  async submit(job: Job): Promise<Job> {
    const known = this.store.get(job.id)
    if (known && known.state !== 'failed' && known.state !== 'canceled') return known
    if (this.#isClosing)
      throw new ApiError(503, 'shutting_down', 'the server is shutting down; try again soon', null, retry())
    this.#checkLimits(job)
    this.#waiting.add(job.id)
    await this.#put(job)
    this.#pump()
    return this.store.get(job.id) ?? job
  }

  /** Where a job has come to; undefined when it does not run. */
  progressOf(id: string): JobProgress | undefined {
    return this.#running.get(id)?.progress
  }

  /** Calls back on every event of a job until the function that is returned is called. */
  listen(id: string, listener: (event: JobEvent) => void): () => void {
    this.#events.on(id, listener)
    return () => void this.#events.off(id, listener)
  }

  /** Calls back on every job that comes to another state. */
  listenAll(listener: (job: Job) => void): void {
    this.#events.on('any', listener)
  }

  /** Ends a job that has not ended yet, and returns it as it is then. */
  async cancel(id: string): Promise<Job | undefined> {
    const job = this.store.get(id)
    if (!job || isOver(job)) return job
    this.#waiting.delete(id)
    const running = this.#running.get(id)
    const canceled: Job = { ...job, state: 'canceled', completedAt: Date.now() }
    await this.#put(canceled)
    running?.abort.abort(CANCELED)
    await running?.done
    return canceled
  }

  /** Ends a job where it runs, and removes it with the files that no other one needs. */
  async remove(id: string): Promise<void> {
    const job = await this.cancel(id)
    if (!job) return
    await this.store.remove(id)
    const others = [...this.store.values()]
    await this.data.forget(job, {
      identity: others.some(({ identity }) => identity === job.identity),
      input: others.some(({ input }) => input === job.input),
    })
  }

  /** Jobs by state, and since when the oldest one waits, in seconds. */
  counts(): { readonly states: Readonly<Record<Job['state'], number>>; readonly age: number } {
    const states = { queued: 0, in_progress: 0, completed: 0, failed: 0, canceled: 0 }
    let oldest = Infinity
    for (const { state, createdAt } of this.store.values()) {
      states[state]++
      if (state === 'queued') oldest = Math.min(oldest, createdAt)
    }
    return { states, age: oldest === Infinity ? 0 : (Date.now() - oldest) / 1000 }
  }

  /** Whether jobs are taken and made. */
  isReady(): boolean {
    return !this.#isClosing && this.executor.isReady()
  }

  /** Takes no more jobs, and starts none. */
  stop(): void {
    this.#isClosing = true
  }

  /** Stops, lets what runs finish within a time, and puts what has not finished back. */
  async close(seconds: number): Promise<void> {
    this.stop()
    const ends = [...this.#running.values()].map(({ done }) => done)
    let timer: NodeJS.Timeout | undefined
    await Promise.race([
      Promise.all(ends),
      new Promise<void>((resolve) => (timer = setTimeout(resolve, seconds * 1000))),
    ])
    clearTimeout(timer)
    for (const { abort } of this.#running.values()) abort.abort(RETURNED)
    await this.executor.close()
    await Promise.all(ends)
    await this.store.flush()
  }

  #checkLimits({ owner, inputBytes }: Job): void {
    let count = 0
    let bytes = inputBytes
    for (const id of this.#waiting) {
      const waiting = this.store.get(id)
      if (waiting?.owner !== owner) continue
      count++
      bytes += waiting.inputBytes
    }
    const { queued, queuedPerToken, bytesPerToken } = this.limits
    const refuse = (what: string) => new ApiError(429, 'queue_full', `${what}; try again later`, null, retry())
    if (this.#waiting.size >= queued) throw refuse(`${queued} clips wait already`)
    if (count >= queuedPerToken) throw refuse(`${queuedPerToken} of your clips wait already`)
    if (bytes > bytesPerToken)
      throw refuse(`the pictures of your clips that wait have more than ${bytesPerToken} bytes`)
  }

  #pump(): void {
    while (!this.#isClosing && this.#running.size < this.executor.capacity) {
      const job = this.#next()
      if (!job) return
      this.#waiting.delete(job.id)
      const running = { abort: new AbortController(), progress: { stage: 'queued', percent: 0 } }
      // The entry must be there before the work begins, which may end at once.
      const done = Promise.resolve().then(() => this.#run(job))
      this.#running.set(job.id, { ...running, done })
    }
  }

  /** The first job whose clip is not being made for another, and whose token may have one more. */
  #next(): Job | undefined {
    const active = [...this.#running.keys()].flatMap((id) => this.store.get(id) ?? [])
    const clips = new Set(active.map(({ identity }) => identity))
    const owners = new Map<string, number>()
    for (const { owner } of active) owners.set(owner, (owners.get(owner) ?? 0) + 1)
    for (const id of this.#waiting) {
      const job = this.store.get(id)
      if (job && !clips.has(job.identity) && (owners.get(job.owner) ?? 0) < this.limits.runningPerToken) return job
    }
    return undefined
  }

  async #run(job: Job): Promise<void> {
    const running = this.#running.get(job.id)!
    const { signal } = running.abort
    let now = job
    try {
      if (!(await this.data.isMade(job))) {
        await this.executor.execute(job, {
          signal,
          onStart: () => {
            now = { ...job, state: 'in_progress', startedAt: Date.now() }
            // On disk it stays queued: after a restart it is.
            this.#show(now)
          },
          onProgress: (detail) => {
            running.progress = percentOf(detail, running.progress)
            this.#events.emit(job.id, { type: 'progress', progress: running.progress, detail } satisfies JobEvent)
          },
        })
      }
      await this.#end(now, { ...now, state: 'completed', completedAt: Date.now() })
    } catch (error) {
      await this.#failed(now, error)
    } finally {
      this.#running.delete(job.id)
      this.#pump()
    }
  }

  async #failed(job: Job, error: unknown): Promise<void> {
    const { abort } = this.#running.get(job.id)!
    const again: Job = { ...job, state: 'queued' }
    if (abort.signal.aborted) {
      if (abort.signal.reason === RETURNED) this.#show(again)
      return
    }
    const fail = (code: string, message: string) =>
      this.#end(job, { ...job, state: 'failed', completedAt: Date.now(), error: { code, message } })
    if (error instanceof UserError) return fail('generation_failed', error.message)
    if (!(error instanceof WorkerDied)) return fail('internal_error', (error as Error).message)
    const deaths = job.deaths + error.deaths
    if (deaths >= MOST_DEATHS)
      return fail('poison', `${deaths} workers died of it, so it is not tried again; try another picture or size`)
    // In front of the others: it has waited its time.
    const rest = [...this.#waiting]
    this.#waiting.clear()
    for (const id of [job.id, ...rest]) this.#waiting.add(id)
    await this.#put({ ...again, deaths })
  }

  /** A job's last state, unless it has been canceled or removed meanwhile. */
  async #end(before: Job, after: Job): Promise<void> {
    const known = this.store.get(before.id)
    if (known && !isOver(known)) await this.#put(after)
  }

  async #put(job: Job): Promise<void> {
    await this.store.put(job)
    this.#tell(job)
  }

  #show(job: Job): void {
    this.store.show(job)
    this.#tell(job)
  }

  #tell(job: Job): void {
    this.#events.emit(job.id, { type: 'state', job } satisfies JobEvent)
    this.#events.emit('any', job)
  }
}

function retry(): Record<string, string> {
  return { 'Retry-After': `${RETRY_AFTER}` }
}
