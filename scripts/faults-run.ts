import { spawn, type ChildProcess } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { writeFileAtomic } from '../src/runtime/files.node.js'
import { Random } from '../src/runtime/random.js'

const MAIN = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url))

/** What is broken, and how often. */
export interface Faults {
  readonly folder: string
  readonly model: string
  readonly picture: string
  readonly jobs: number
  readonly workers: number
  /** SIGKILLs of workers, of the server and of Redis, each. */
  readonly kills: number
  /** Pauses between them, in milliseconds, at most. */
  readonly pause: number
  readonly seed: number
  /** Is told in words how far it is. */
  readonly log?: (line: string) => void
}

/** What is kept in the folder, so that a run that was ended goes on. */
interface Past {
  readonly kills: Record<'worker' | 'server' | 'redis', number>
  /** SHA-256 of the clips that were seen, by job. */
  readonly seen: Record<string, string>
}

/** What became of the jobs. */
export interface Damage {
  readonly completed: number
  /** Given up, with a reason: two workers were killed while they made it. */
  readonly failed: number
  readonly lost: number
  /** Clips that were seen with different bytes. */
  readonly changed: number
  /** Files that are not whole. */
  readonly halved: number
  readonly kills: Readonly<Record<string, number>>
}

/** A program that is started again when it is killed. */
class Kept {
  #child: ChildProcess | undefined
  #isOver = false
  #log = ''

  constructor(
    readonly command: string,
    readonly args: readonly string[],
  ) {
    this.#start()
  }

  #start(): void {
    const child = spawn(this.command, this.args, { stdio: ['ignore', 'ignore', 'pipe'] })
    child.stderr.on('data', (part: Buffer) => (this.#log = (this.#log + part.toString()).slice(-2000)))
    child.on('exit', () => this.#isOver || this.#start())
    this.#child = child
  }

  get log(): string {
    return this.#log
  }

  signal(name: NodeJS.Signals): void {
    this.#child!.kill(name)
  }

  /** Ends it at once, for a process that ends itself. */
  kill(): void {
    this.#isOver = true
    this.signal('SIGKILL')
  }

  async end(): Promise<void> {
    this.#isOver = true
    const child = this.#child!
    if (child.exitCode !== null || child.signalCode !== null) return
    await new Promise((resolve) => {
      child.once('exit', resolve)
      child.kill('SIGKILL')
    })
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** Asks again until there is an answer: the server may be down. */
async function ask(url: string, init?: RequestInit): Promise<Response> {
  for (;;) {
    try {
      const response = await fetch(url, { ...init, signal: AbortSignal.timeout(10_000) })
      if (response.status < 500 && response.status !== 429) return response
      await response.body?.cancel()
    } catch {
      // It is asked again.
    }
    await sleep(100)
  }
}

/**
 * Makes clips with real processes and a real Redis while these are killed at random moments, and counts what is lost. In
 * the folder of a run that was ended it goes on with that one.
 */
export async function injectFaults({
  folder,
  model,
  picture,
  jobs,
  workers,
  kills,
  pause,
  seed,
  log = () => undefined,
}: Faults): Promise<Damage> {
  const [redisPort, port] = [await freePort(), await freePort()]
  const [data, redisFolder] = [join(folder, 'data'), join(folder, 'redis')]
  await mkdir(redisFolder, { recursive: true })
  const queue = `redis://127.0.0.1:${redisPort}`
  const own = ['--import', 'tsx', MAIN]
  const common = ['--queue', queue, '--data', data, '--model', model]
  const persistent = ['--appendonly', 'yes', '--appendfsync', 'everysec', '--save', '']
  const redis = new Kept('redis-server', [
    '--port',
    `${redisPort}`,
    '--bind',
    '127.0.0.1',
    '--dir',
    redisFolder,
    ...persistent,
  ])
  const server = new Kept(process.execPath, [
    ...own,
    'serve',
    ...common,
    '--port',
    `${port}`,
    '--max-queued',
    `${jobs}`,
    '--max-per-token',
    `${jobs}`,
  ])
  const crew = Array.from({ length: workers }, () => new Kept(process.execPath, [...own, 'worker', ...common]))
  const videos = `http://127.0.0.1:${port}/v1/videos`
  const pastFile = join(folder, 'faults.json')
  const past = await readFile(pastFile, 'utf8').then(
    (text) => JSON.parse(text) as Past,
    (): Past => ({ kills: { worker: 0, server: 0, redis: 0 }, seen: {} }),
  )
  const keepPast = () => writeFileAtomic(pastFile, JSON.stringify(past))
  const { kills: counts, seen } = past
  const before = counts.worker + counts.server + counts.redis
  const random = new Random(BigInt(seed), before)
  const killAll = () => [...crew, server, redis].forEach((kept) => kept.kill())
  process.on('exit', killAll)
  try {
    const image = `data:image/png;base64,${(await readFile(picture)).toString('base64')}`
    const ids: string[] = []
    const create = async (number: number) => {
      const body = JSON.stringify({ input_reference: image, frames: 2, seed: number, format: 'gif' })
      const response = await ask(videos, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
      const answer = (await response.json()) as { id: string }
      if (!response.ok) throw new Error(`the job ${number} is refused: ${JSON.stringify(answer)}; ${server.log}`)
      ids.push(answer.id)
    }
    const killing = (async () => {
      for (let i = before; i < 3 * kills; i++) {
        await sleep(pause * (0.2 + 0.8 * random.uniform()))
        const [what, name] = (
          [
            [crew[i % workers]!, 'worker'],
            [server, 'server'],
            [redis, 'redis'],
          ] as const
        )[i % 3]!
        what.signal('SIGKILL')
        counts[name]++
        await keepPast()
        log(`${i + 1} of ${3 * kills} kills`)
      }
    })()
    for (let number = 0; number < jobs; number++) await create(number)
    const ends = { completed: 0, failed: 0, lost: 0, changed: 0, halved: 0 }
    for (const id of ids) {
      for (;;) {
        const response = await ask(`${videos}/${id}`)
        const { status } = (await response.json()) as { status?: string }
        if (status === undefined) ends.lost++
        if (status === 'failed') ends.failed++
        if (status === 'completed') {
          const bytes = Buffer.from(await (await ask(`${videos}/${id}/content`)).arrayBuffer())
          const digest = createHash('sha256').update(bytes).digest('hex')
          if (digest !== (seen[id] ??= digest)) ends.changed++
          if (bytes.at(-1) !== 0x3b) ends.halved++
          if (++ends.completed % 50 === 0) log(`${ends.completed} of ${jobs} clips`)
        }
        if (status !== 'queued' && status !== 'in_progress') break
        await sleep(50)
      }
    }
    await killing
    await keepPast()
    for (const [id, digest] of Object.entries(seen)) {
      const bytes = Buffer.from(await (await ask(`${videos}/${id}/content`)).arrayBuffer())
      if (createHash('sha256').update(bytes).digest('hex') !== digest) ends.changed++
    }
    const results = (await readdir(join(data, 'results'))).filter((name) => !name.startsWith('.'))
    for (const name of results) if ((await readFile(join(data, 'results', name))).at(-1) !== 0x3b) ends.halved++
    return { ...ends, kills: counts }
  } finally {
    process.off('exit', killAll)
    for (const kept of [...crew, server, redis]) await kept.end()
  }
}
