import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { ImageToVideo } from '../src/pipeline/pretrained.node.js'
import { serve, type Running } from '../src/server/serve.js'
import { median, milliseconds, ratio, type BenchResult } from './measure.js'

const MODEL = 'models/fluent'
const PICTURE = 'examples/balloon.png'

/**
 * `sfv serve` on this machine: what it adds to a clip, how it answers meanwhile, two workers against one, a long queue.
 */
export async function serving(): Promise<BenchResult> {
  const image = `data:image/png;base64,${(await readFile(PICTURE)).toString('base64')}`
  const bare = await ImageToVideo.fromPretrained(MODEL, { threads: 1 })
  const folder = await mkdtemp(join(tmpdir(), 'sfv-bench-'))
  const direct = async (seed: number) => (await bare.animate(PICTURE, { seed })).save(join(folder, 'bare.mp4'))
  try {
    const one = await start(join(folder, 'one'), 1)
    const two = await start(join(folder, 'two'), 2)
    try {
      const pairs: { bare: number; served: number }[] = []
      for (let i = 0; i <= 8; i++) {
        const pair = { bare: await timed(() => direct(i)), served: await timed(() => clips(one, image, [i])) }
        if (i > 0) pairs.push(pair)
      }
      const overhead = median(pairs.map(({ bare, served }) => served / bare))
      await clips(two, image, [100, 101])
      const rates = { one: [] as number[], two: [] as number[] }
      for (let round = 0; round < 3; round++) {
        const seeds = [0, 1, 2, 3].map((i) => 200 + 10 * round + i)
        rates.one.push(await timed(() => clips(one, image, seeds)))
        rates.two.push(await timed(() => clips(two, image, seeds)))
      }
      const answers = await answered(one, image)
      const queue = await longQueue(one, image)
      return {
        title: 'Serving (`sfv serve`, models/fluent, one thread a worker)',
        rows: [
          row('bare clip', `${milliseconds(median(pairs.map(({ bare }) => bare)))} ms`, ''),
          row('clip over HTTP, time of the bare one', overhead.toFixed(3), '1.05 at most'),
          row('throughput of two workers, times that of one', ratio(median(rates.one), median(rates.two)), '1.8'),
          row('requests answered while four clips are made', `${answers.rate.toFixed(0)} /s`, '200 /s'),
          row('event-loop delay meanwhile, 99th percentile', `${answers.delay.toFixed(1)} ms`, '20 ms at most'),
          row(
            'resident memory of the server with 10,000 jobs queued',
            `${(queue / 1e6).toFixed(0)} MB`,
            '300 MB at most',
          ),
        ],
        notes: [
          'The server runs in the process of the benchmark, which holds a model as well: its own memory is less.',
        ],
      }
    } finally {
      await one.close(0)
      await two.close(0)
    }
  } finally {
    await bare.dispose()
    await rm(folder, { recursive: true, force: true })
  }
}

const row = (what: string, measured: string, aim: string) => ({ '': what, measured, aim })

function start(data: string, concurrency: number): Promise<Running> {
  const limits = {
    queued: 20_000,
    queuedPerToken: 20_000,
    runningPerToken: 8,
    bytesPerToken: 1e12,
    bytes: 2e7,
    pixels: 64e6,
  }
  return serve({
    ...{
      model: MODEL,
      data,
      concurrency,
      limits,
      host: '127.0.0.1',
      port: 0,
      threads: 1,
      device: 'cpu',
      precision: 'auto',
    },
    ...{ allowUrl: [], allowOrigin: [], timeLimit: 600, requestLimit: 60 },
  })
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const before = performance.now()
  await run()
  return (performance.now() - before) / 1000
}

async function create({ url }: Running, image: string, seed: number): Promise<string> {
  const body = JSON.stringify({ input_reference: image, seed })
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(`${url}/v1/videos`, { method: 'POST', headers, body })
  const { id } = (await response.json()) as { id: string }
  return id
}

/** Makes clips over HTTP, and downloads them. */
async function clips(service: Running, image: string, seeds: readonly number[]): Promise<void> {
  const ids = await Promise.all(seeds.map((seed) => create(service, image, seed)))
  for (const id of ids) {
    await (await fetch(`${service.url}/v1/videos/${id}/events`)).text()
    const file = await fetch(`${service.url}/v1/videos/${id}/content`)
    if (!file.ok) throw new Error(`${file.status}: ${await file.text()}`)
    await file.arrayBuffer()
  }
}

/** Asks 250 times a second how far a clip is while four are made; delay in milliseconds. */
async function answered(service: Running, image: string): Promise<{ rate: number; delay: number }> {
  const monitor = monitorEventLoopDelay({ resolution: 1 })
  const id = await create(service, image, 300)
  let isOver = false
  let count = 0
  const before = performance.now()
  monitor.enable()
  const making = clips(service, image, [301, 302, 303]).then(() => (isOver = true))
  const waiting = new Set<Promise<void>>()
  while (!isOver) {
    const asked = fetch(`${service.url}/v1/videos/${id}`).then(async (response) => {
      await response.arrayBuffer()
      count++
    })
    waiting.add(asked)
    void asked.finally(() => waiting.delete(asked))
    const due = before + 4 * (count + waiting.size)
    await sleep(Math.max(0, due - performance.now()))
  }
  await making
  monitor.disable()
  await Promise.all(waiting)
  return { rate: count / ((performance.now() - before) / 1000), delay: monitor.percentile(99) / 1e6 }
}

/** Bytes of this process with 10,000 jobs that wait. */
async function longQueue(service: Running, image: string): Promise<number> {
  for (let i = 0; i < 10_000; i += 50)
    await Promise.all(Array.from({ length: 50 }, (_, j) => create(service, image, 10_000 + i + j)))
  return process.memoryUsage.rss()
}
