import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { UserError } from '../errors.js'
import { writeFileAtomic } from '../runtime/files.node.js'
import type { Job } from './job.js'
import { Turns } from './turns.js'

/** All jobs in memory, each in a file of its own as well, so that a restart loses none. */
export class JobStore {
  readonly #jobs: Map<string, Job>
  /** The writes of one job wait for each other. */
  readonly #writes = new Turns()

  private constructor(
    readonly folder: string,
    jobs: readonly Job[],
  ) {
    this.#jobs = new Map(jobs.map((job) => [job.id, job]))
  }

  /** @throws UserError when a job's file cannot be read. */
  static async open(folder: string): Promise<JobStore> {
    const jobs: Job[] = []
    for (const file of await readdir(folder)) if (/^[\w-]+\.json$/.test(file)) jobs.push(await read(join(folder, file)))
    jobs.sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1))
    return new JobStore(folder, jobs)
  }

  get(id: string): Job | undefined {
    return this.#jobs.get(id)
  }

  /** All jobs, the oldest first. */
  values(): IterableIterator<Job> {
    return this.#jobs.values()
  }

  /** Takes in a job or what changed of it in memory alone. */
  show(job: Job): void {
    this.#jobs.set(job.id, job)
  }

  /** Takes in a job or what changed of it, and returns once it is on disk. */
  async put(job: Job): Promise<void> {
    this.#jobs.set(job.id, job)
    await this.#writes.take(job.id, () => writeFileAtomic(this.#path(job.id), JSON.stringify(job)))
  }

  /** Forgets a job. */
  async remove(id: string): Promise<void> {
    this.#jobs.delete(id)
    await this.#writes.take(id, () => rm(this.#path(id), { force: true }))
  }

  /** Waits until all is on disk. */
  async flush(): Promise<void> {
    await this.#writes.over()
  }

  #path(id: string): string {
    return join(this.folder, `${id}.json`)
  }
}

async function read(path: string): Promise<Job> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Job
  } catch (error) {
    throw new UserError(`cannot read the job ${path}: ${(error as Error).message}; remove the file to go on without it`)
  }
}
