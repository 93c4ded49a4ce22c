import { fork, type ChildProcess } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { ImageToVideo } from '../src/pipeline/pretrained.node.js'
import { median, milliseconds, ratio, type BenchResult } from './measure.js'

const PICTURE = 'examples/balloon.png'
const CHILD = fileURLToPath(new URL('serve-child.ts', import.meta.url))

/** How much is measured: pairs of a bare clip and one over HTTP, clips after which memory is looked at, and so on. */
const COUNTS = { pairs: 12, rounds: 4, clips: [30, 300] as readonly [number, number], queued: 10_000 }

/**
 * `sfv serve` on this machine: what it adds to a clip, how it answers meanwhile, two workers against one, memory, and a
 * long queue. The services run in processes of their own.
 */
export async function serving(counts = COUNTS): Promise<BenchResult> {
  const image = `data:image/png;base64,${(await readFile(PICTURE)).toString('base64')}`
  const bare = await ImageToVideo.fromPretrained('models/fluent', { threads: 1, worker: false })
  const folder = await mkdtemp(join(tmpdir(), 'sfv-bench-'))
  const services: Service[] = []
  const start = async (name: string, workers: number, queued = 1000) => {
    const service = await Service.start(join(folder, name), workers, queued, image)
    services.push(service)
    return service
  }
  try {
    const one = await start('one', 1)
    const pairs: { bare: number; served: number }[] = []
    for (let i = 0; i <= counts.pairs; i++) {
      const direct = async () => (await bare.animate(PICTURE, { seed: i })).save(join(folder, 'bare.mp4'))
      const pair = { bare: await timed(direct), served: await timed(() => one.clips([i])) }
      if (i > 0) pairs.push(pair)
    }
    await bare.dispose()
    const two = await start('two', 2)
    await two.clips([0, 1])
    const rates = { one: [] as number[], two: [] as number[] }
    for (let round = 0; round < counts.rounds; round++) {
      const seeds = [0, 1, 2, 3].map((i) => 1000 + 10 * round + i)
      rates.one.push(await timed(() => one.clips(seeds)))
      rates.two.push(await timed(() => two.clips(seeds)))
    }
    await two.end()
    const answers = await answered(one)
    const memory = []
    let made = one.made
    for (const clips of counts.clips) {
      for (; made < clips; made++) await one.clips([2000 + made])
      memory.push(await one.metrics())
    }
    await one.end()
    const full = await start('full', 1, counts.queued)
    const overload = await overloaded(full, counts.queued)
    const [early, late] = memory as [Figures, Figures]
    const served = median(pairs.map(({ bare, served }) => served / bare))
    const [from, to] = counts.clips
    return {
      title: 'Serving (`sfv serve`, models/fluent, one thread a worker)',
      rows: [
        row('bare clip', `${milliseconds(median(pairs.map(({ bare }) => bare)))} ms`, ''),
        row('clip over HTTP, times a bare one', served.toFixed(3), '1.05 at most'),
        row('throughput of two workers, times that of one', ratio(median(rates.one), median(rates.two)), '1.8'),
        row('requests answered while four clips are made', `${answers.rate.toFixed(0)} /s`, '200 /s'),
        row('event-loop delay meanwhile, 99th percentile', `${answers.delay.toFixed(1)} ms`, '20 ms at most'),
        row(
          `memory of the worker after ${to} clips, times that after ${from}`,
          ratio(late.worker, early.worker),
          '1.10 at most',
        ),
        row(
          `memory of the server after ${to} clips, times that after ${from}`,
          ratio(late.server, early.server),
          '1.10 at most',
        ),
        row(
          `memory of the server with ${counts.queued} jobs queued`,
          `${(overload.memory / 1e6).toFixed(0)} MB`,
          '300 MB at most',
        ),
        row('one more is answered', `${overload.status}, Retry-After: ${overload.retryAfter}`, '429'),
      ],
      notes: [
        'Memory is resident. Event-loop delays are those of the server at /metrics, which contain the 10 ms between two looks.',
      ],
    }
  } finally {
    for (const service of services) await service.end()
    await rm(folder, { recursive: true, force: true })
  }
}

const row = (what: string, measured: string, aim: string) => ({ '': what, measured, aim })

/** What `/metrics` tells: bytes, and milliseconds since it was last asked. */
interface Figures {
  readonly server: number
  readonly worker: number
  readonly delay: number
}

/** A service in a process of its own. */
class Service {
  /** Clips that were made. */
  made = 0

  private constructor(
    readonly child: ChildProcess,
    readonly url: string,
    readonly image: string,
  ) {}

  static async start(data: string, workers: number, queued: number, image: string): Promise<Service> {
    const child = fork(CHILD, [data, `${workers}`, `${queued}`], { execArgv: ['--import', 'tsx'] })
    const url = await new Promise<string>((resolve, reject) => {
      child.once('message', (message) => resolve(message as string))
      child.once('exit', (code) => reject(new Error(`the service ended with ${code}`)))
    })
    return new Service(child, url, image)
  }

  async end(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return
    await new Promise((resolve) => {
      this.child.once('exit', resolve)
      this.child.kill('SIGKILL')
    })
  }

  create(seed: number, own: object = {}): Promise<Response> {
    const body = JSON.stringify({ input_reference: this.image, seed, ...own })
    return fetch(`${this.url}/v1/videos`, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
  }

  /** Makes clips over HTTP, and downloads them. */
  async clips(seeds: readonly number[]): Promise<void> {
    const ids = await Promise.all(seeds.map(async (seed) => idOf(await this.create(seed))))
    for (const id of ids) {
      await (await fetch(`${this.url}/v1/videos/${id}/events`)).text()
      const file = await fetch(`${this.url}/v1/videos/${id}/content`)
      if (!file.ok) throw new Error(`${file.status}: ${await file.text()}`)
      await file.arrayBuffer()
    }
    this.made += seeds.length
  }

  async metrics(): Promise<Figures> {
    const text = await (await fetch(`${this.url}/metrics`)).text()
    const figure = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1] ?? NaN)
    return {
      server: figure('process_resident_memory_bytes'),
      worker: figure('sfv_worker_memory_bytes'),
      delay: 1000 * figure('nodejs_eventloop_lag_p99_seconds'),
    }
  }
}

async function idOf(response: Response): Promise<string> {
  const { id } = (await response.json()) as { id: string }
  return id
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const before = performance.now()
  await run()
  return (performance.now() - before) / 1000
}

/** Asks 250 times a second how far a clip is while four are made; delay in milliseconds. */
async function answered(service: Service): Promise<{ rate: number; delay: number }> {
  const id = await idOf(await service.create(3000))
  let isOver = false
  let count = 0
  await service.metrics()
  const before = performance.now()
  const making = service.clips([3001, 3002, 3003, 3004]).then(() => (isOver = true))
  const waiting = new Set<Promise<void>>()
  while (!isOver) {
    const asked = fetch(`${service.url}/v1/videos/${id}`).then(async (response) => {
      await response.arrayBuffer()
      count++
    })
    waiting.add(asked)
    void asked.finally(() => waiting.delete(asked))
    await sleep(Math.max(0, before + 4 * (count + waiting.size) - performance.now()))
  }
  await making
  await Promise.all(waiting)
  const rate = count / ((performance.now() - before) / 1000)
  return { rate, delay: (await service.metrics()).delay }
}

/** Fills a queue behind a clip that takes long, and asks for one more. */
async function overloaded(
  service: Service,
  queued: number,
): Promise<{ memory: number; status: number; retryAfter: string | null }> {
  const id = await idOf(await service.create(0, { steps: 1000 }))
  for (let status = ''; status !== 'in_progress'; await sleep(20))
    status = ((await (await fetch(`${service.url}/v1/videos/${id}`)).json()) as { status: string }).status
  for (let i = 0; i < queued; i += 50) {
    const batch = Array.from({ length: Math.min(50, queued - i) }, (_, j) => service.create(4000 + i + j))
    for (const response of await Promise.all(batch)) if (!response.ok) throw new Error(await response.text())
  }
  const refused = await service.create(1)
  return {
    memory: (await service.metrics()).server,
    status: refused.status,
    retryAfter: refused.headers.get('retry-after'),
  }
}
