import { EventEmitter } from 'node:events'
import { UserError } from '../errors.js'
import type { AnimateProgress } from '../pipeline/progress.js'
import { ApiError } from './api-error.js'
import type { ClipFiles } from './clip-files.js'
import { CANCELED, WorkerDied, type Executor, type Made } from './executor.js'
import { isOver, type Job, type JobProgress } from './job.js'
import type { JobStore } from './job-store.js'
import { percentOf } from './percent.js'
import { checkLimits, retryLater, type QueueLimits } from './queue-limits.js'

/** Workers that may die of one job before it is given up. */
const MOST_DEATHS = 2

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

/** Why an execution is aborted whose job goes back to the queue. */
const RETURNED = Symbol('returned')

/** The embedded queue: first come, first served, each clip made once, every state on disk before it is told. */
export class JobQueue {
  readonly #waiting = new Set<string>()
  /** Jobs that are being put on disk. */
  readonly #arriving = new Map<string, Promise<Job>>()
  readonly #running = new Map<string, Running>()
  readonly #events = new EventEmitter().setMaxListeners(0)
  #isClosing = false

  constructor(
    readonly store: JobStore,
    readonly files: ClipFiles,
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
   * @param picture is kept until no job needs it
   * @throws ApiError when the queue is full, the token has used up what it may, or nothing can be written.
   */
  async submit(job: Job, picture: Uint8Array): Promise<Job> {
    const arriving = this.#arriving.get(job.id)
    if (arriving) return arriving
    const known = this.store.get(job.id)
    if (known && known.state !== 'failed' && known.state !== 'canceled') return known
    if (this.#isClosing)
      throw new ApiError(503, 'shutting_down', 'the server is shutting down; try again soon', null, retryLater())
    checkLimits(job, this.#unmade(), this.limits)
    const arrives = this.#arrive(job, picture, known)
    this.#arriving.set(job.id, arrives)
    try {
      return await arrives
    } finally {
      this.#arriving.delete(job.id)
      this.#pump()
    }
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

  /** How many listen to a job. */
  listenersOf(id: string): number {
    return this.#events.listenerCount(id)
  }

  /** Calls back on every job that comes to another state. */
  listenAll(listener: (job: Job) => void): void {
    this.#events.on('any', listener)
  }

  /** Calls back on what every clip took that is made. */
  listenToMade(listener: (made: Made) => void): void {
    this.#events.on('made', listener)
  }

  /** Ends a job that has not ended yet, and returns it as it is then. */
  async cancel(id: string): Promise<Job | undefined> {
    await this.#arriving.get(id)?.catch(() => undefined)
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
    const now = this.store.get(id)
    // Who asks for it again while it is being ended gets it.
    if (!job || !now || !isOver(now)) return
    await this.store.remove(id)
    await this.files.forget(job, (field) => this.#isNeeded(job, field))
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

  /** Stops, lets what runs here finish within a time, and puts what has not finished back. */
  async close(grace: number): Promise<void> {
    this.stop()
    const seconds = this.executor.goesOn ? 0 : grace
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

  *#unmade(): Iterable<Job> {
    for (const ids of [this.#arriving.keys(), this.#waiting])
      for (const id of ids) {
        const job = this.store.get(id)
        if (job) yield job
      }
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
      if (!(await this.files.isMade(job))) {
        const made = await this.executor.execute(job, {
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
        if (made) this.#events.emit('made', made)
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

  /** Puts a job and its picture on disk, then in line. */
  async #arrive(job: Job, picture: Uint8Array, known: Job | undefined): Promise<Job> {
    // The job is known before its picture is kept, so that no other one's end removes the picture.
    this.store.show(job)
    try {
      await this.files.keepInput(job.input, picture)
      await this.store.put(job)
    } catch (error) {
      complain(error)
      if (known) this.store.show(known)
      else await this.store.remove(job.id).catch(complain)
      throw new ApiError(503, 'storage_failed', 'the server cannot keep files now; try again later', null, retryLater())
    }
    this.#waiting.add(job.id)
    this.#tell(job)
    return job
  }

  #isNeeded(job: Job, field: 'identity' | 'input'): boolean {
    for (const other of this.store.values()) if (other[field] === job[field]) return true
    return false
  }

  /**
   * A state that cannot be written is told all the same: after a restart the job is queued, and its files are found.
   */
  async #put(job: Job): Promise<void> {
    await this.store.put(job).catch(complain)
    this.#tell(job)
  }

  #show(job: Job): void {
    if (!this.store.get(job.id)) return
    this.store.show(job)
    this.#tell(job)
  }

  #tell(job: Job): void {
    this.#events.emit(job.id, { type: 'state', job } satisfies JobEvent)
    this.#events.emit('any', job)
  }
}

function complain(error: unknown): void {
  process.stderr.write(`sfv: ${(error as Error).message}\n`)
}
