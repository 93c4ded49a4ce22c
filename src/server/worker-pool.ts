import { fork, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { UserError } from '../errors.js'
import { WorkerDied, type Executor, type Made, type Watch } from './executor.js'
import type { Execution } from './job.js'
import type { FromWorker, ToWorker, WorkerOptions } from './worker-messages.js'

/** How long a worker may take to heed a cancel between two runs of a network, in milliseconds. */
const CANCEL_MS = 2000

/** The pause before a worker is started again that died before it was ready, in milliseconds. */
const RESTART_MS = 1000

/** How a pool works. */
export interface PoolOptions extends WorkerOptions {
  readonly count: number
  /** Seconds that a clip may take; its worker is killed then. */
  readonly timeLimit: number
  readonly onDeath?: () => void
}

/** A process and what it does. */
interface Member {
  readonly child: ChildProcess
  isReady: boolean
  /** Claimed by an execution, which may not have begun yet. */
  isBusy: boolean
  work?: { readonly take: (message: FromWorker) => void; readonly died: () => void } | undefined
}

/**
 * Processes with one open model each. One that dies is replaced; what it made is reported as failed with `WorkerDied`.
 */
export class WorkerPool implements Executor {
  readonly goesOn = false
  readonly #members = new Set<Member>()
  readonly #waiting: ((member: Member) => void)[] = []
  #isClosed = false
  #hasOpened = false
  #opening: { resolve: () => void; reject: (error: Error) => void } | undefined

  private constructor(readonly options: PoolOptions) {}

  /**
   * Starts the processes, and returns when the first has opened the model.
   *
   * @throws UserError when it cannot be opened.
   */
  static async open(options: PoolOptions): Promise<WorkerPool> {
    const pool = new WorkerPool(options)
    const opened = new Promise<void>((resolve, reject) => (pool.#opening = { resolve, reject }))
    for (let i = 0; i < options.count; i++) pool.#start()
    try {
      await opened
    } catch (error) {
      await pool.close()
      throw error
    }
    return pool
  }

  get capacity(): number {
    return this.options.count
  }

  /** The ids of the processes. */
  get pids(): number[] {
    return [...this.#members].map(({ child }) => child.pid!)
  }

  isReady(): boolean {
    return !this.#isClosed && [...this.#members].some(({ isReady }) => isReady)
  }

  async execute(execution: Execution, watch: Watch): Promise<Made> {
    const member = await this.#free(watch.signal)
    watch.onStart()
    return this.#make(member, execution, watch)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await Promise.all(
      [...this.#members].map(
        ({ child }) =>
          new Promise<void>((resolve) => {
            child.once('exit', () => resolve())
            child.kill('SIGKILL')
          }),
      ),
    )
  }

  #free(signal: AbortSignal): Promise<Member> {
    signal.throwIfAborted()
    const free = [...this.#members].find(({ isReady, isBusy }) => isReady && !isBusy)
    if (free) {
      free.isBusy = true
      return Promise.resolve(free)
    }
    return new Promise((resolve, reject) => {
      const take = (member: Member) => {
        signal.removeEventListener('abort', leave)
        resolve(member)
      }
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(take), 1)
        reject(signal.reason as Error)
      }
      signal.addEventListener('abort', leave, { once: true })
      this.#waiting.push(take)
    })
  }

  #make(member: Member, execution: Execution, watch: Watch): Promise<Made> {
    const { timeLimit } = this.options
    const { child } = member
    return new Promise((resolve, reject) => {
      let kill: NodeJS.Timeout | undefined
      const expire = setTimeout(() => {
        end(() => reject(new UserError(`the clip took longer than ${timeLimit} s; ask for fewer frames or steps`)))
        child.kill('SIGKILL')
      }, timeLimit * 1000)
      const cancel = () => {
        send(child, { type: 'cancel' })
        kill = setTimeout(() => child.kill('SIGKILL'), CANCEL_MS)
      }
      const end = (then: () => void) => {
        clearTimeout(expire)
        clearTimeout(kill)
        watch.signal.removeEventListener('abort', cancel)
        member.work = undefined
        member.isBusy = false
        then()
        this.#offer(member)
      }
      member.work = {
        died: () =>
          end(() => reject(watch.signal.aborted ? (watch.signal.reason as Error) : new WorkerDied('its worker died'))),
        take: (message) => {
          if (message.type === 'progress') watch.onProgress(message.progress)
          else if (message.type === 'made') end(() => resolve(message.made))
          else if (message.type === 'failed') {
            const error = message.isUsers ? new UserError(message.message) : new Error(message.message)
            end(() => reject(watch.signal.aborted ? (watch.signal.reason as Error) : error))
          }
        },
      }
      watch.signal.addEventListener('abort', cancel, { once: true })
      const { identity, input, settings, formats } = execution
      send(child, { type: 'make', execution: { identity, input, settings, formats } })
    })
  }

  /** Gives a worker that has nothing to do to who waits for one. */
  #offer(member: Member): void {
    if (!member.isReady || member.isBusy || !this.#members.has(member) || !member.child.connected) return
    const take = this.#waiting.shift()
    member.isBusy = take !== undefined
    take?.(member)
  }

  #start(): void {
    const { model, storage, device, precision, threads } = this.options
    // From the sources, as tests run it, Node needs tsx to read the file; compiled, it lies in dist/server.
    const isSource = import.meta.url.endsWith('.ts')
    const file = fileURLToPath(new URL(`../server/worker-process.${isSource ? 'ts' : 'js'}`, import.meta.url))
    const child = fork(file, { execArgv: isSource ? ['--import', 'tsx'] : [], serialization: 'advanced' })
    const member: Member = { child, isReady: false, isBusy: false }
    this.#members.add(member)
    child.on('message', (message: FromWorker) => {
      if (message.type === 'ready') {
        member.isReady = true
        this.#hasOpened = true
        this.#opening?.resolve()
        this.#offer(member)
      } else if (member.work) member.work.take(message)
      else if (message.type === 'failed' && !member.isReady) {
        const error = message.isUsers ? new UserError(message.message) : new Error(message.message)
        this.#opening?.reject(error)
        child.kill('SIGKILL')
      }
    })
    child.on('error', () => undefined)
    child.on('exit', (code, signal) => {
      this.#members.delete(member)
      member.work?.died()
      if (this.#isClosed) return
      // Where none has ever been ready, the next one dies the same way.
      if (!this.#hasOpened)
        this.#opening?.reject(
          new UserError(`a worker process ended (${signal ?? code}) before it had opened the model; is memory short?`),
        )
      this.options.onDeath?.()
      if (member.isReady) this.#start()
      else setTimeout(() => this.#isClosed || this.#start(), RESTART_MS)
    })
    send(child, { type: 'open', options: { model, storage, device, precision, threads } })
  }
}

function send(child: ChildProcess, message: ToWorker): void {
  if (child.connected) child.send(message, () => undefined)
}
