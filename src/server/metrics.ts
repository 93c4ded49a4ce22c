import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { Job } from './job.js'
import type { JobQueue } from './job-queue.js'

/** What Prometheus is told, with the names and units of its conventions. */
export class Metrics {
  readonly registry = new Registry()
  readonly #ended = new Counter({
    name: 'sfv_jobs_ended_total',
    help: 'Jobs that have ended, by their last state',
    labelNames: ['state'],
    registers: [this.registry],
  })
  readonly #stages = new Histogram({
    name: 'sfv_stage_seconds',
    help: 'Seconds of each stage of a clip',
    labelNames: ['stage'],
    buckets: [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300],
    registers: [this.registry],
  })
  readonly #steps = new Counter({
    name: 'sfv_steps_total',
    help: 'Denoising steps that finished clips were asked for',
    registers: [this.registry],
  })
  readonly #deaths = new Counter({
    name: 'sfv_worker_deaths_total',
    help: 'Worker processes that died',
    registers: [this.registry],
  })
  readonly #memory = new Gauge({
    name: 'sfv_worker_memory_bytes',
    help: 'Resident memory of the worker that made the last clip',
    registers: [this.registry],
  })

  constructor() {
    collectDefaultMetrics({ register: this.registry })
  }

  /** Begins to tell of a queue. */
  watch(queue: JobQueue): void {
    new Gauge({
      name: 'sfv_jobs',
      help: 'Jobs by state',
      labelNames: ['state'],
      registers: [this.registry],
      collect() {
        for (const [state, count] of Object.entries(queue.counts().states)) this.set({ state }, count)
      },
    })
    new Gauge({
      name: 'sfv_queue_age_seconds',
      help: 'How long the oldest job waits',
      registers: [this.registry],
      collect() {
        this.set(queue.counts().age)
      },
    })
    queue.listenToMade(({ seconds, memory }) => {
      for (const [stage, value] of Object.entries(seconds)) this.#stages.observe({ stage }, value)
      this.#memory.set(memory)
    })
    queue.listenAll((job: Job) => {
      if (job.completedAt !== undefined) this.#ended.inc({ state: job.state })
      if (job.state === 'completed') this.#steps.inc(job.settings.steps)
    })
  }

  /** Takes in that a worker died. */
  died(): void {
    this.#deaths.inc()
  }
}
