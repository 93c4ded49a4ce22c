import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BenchResult, median } from './measure.js'

const RUNS = 7
const COMMAND = 'dist/bin/main.js'

/** Runs the built command once: seconds from process start to exit. */
async function timeOf(args: readonly string[]): Promise<number> {
  const before = performance.now()
  const child = spawn(process.execPath, [COMMAND, ...args], { stdio: ['ignore', 'ignore', 'inherit'] })
  await ended(child, args)
  return (performance.now() - before) / 1000
}

/** Runs it once more: the largest resident set in megabytes. To be told of it costs the process a tenth of a second. */
async function memoryOf(args: readonly string[]): Promise<number> {
  const watch = `process.on('exit',()=>process.send(process.resourceUsage().maxRSS))`
  let megabytes = NaN
  const child = spawn(process.execPath, ['--import', `data:text/javascript,${watch}`, COMMAND, ...args], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  child.on('message', (kilobytes) => (megabytes = Number(kilobytes) / 1024))
  await ended(child, args)
  return megabytes
}

async function ended(child: ChildProcess, args: readonly string[]): Promise<void> {
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) throw new Error(`sfv ${args.join(' ')} ended with ${code}`)
}

/** `sfv animate` with the bundled model, process start to file. Bars: median under 1.0 s, under 1 GB. */
export async function animate(): Promise<BenchResult> {
  const title = 'sfv animate with models/fluent, process start to file'
  if (!existsSync(COMMAND)) return { title, rows: [], notes: ['Skipped: not built; run `npm run build` first.'] }
  const folder = await mkdtemp(join(tmpdir(), 'sfv-bench-'))
  try {
    const rows = []
    for (const steps of [1, 25]) {
      const out = join(folder, 'clip.webp')
      const args = ['animate', 'examples/balloon.png', '-o', out, '--seed', '1', '--steps', String(steps)]
      // The first run fills the cache of optimised graphs where it is empty.
      const megabytes = await memoryOf(args)
      const seconds = []
      for (let i = 0; i < (steps === 1 ? RUNS : 3); i++) seconds.push(await timeOf(args))
      rows.push({
        steps: String(steps),
        'median s': median(seconds).toFixed(2),
        'fastest s': Math.min(...seconds).toFixed(2),
        'slowest s': Math.max(...seconds).toFixed(2),
        'largest RSS, MB': megabytes.toFixed(0),
      })
    }
    return { title, rows, notes: ['Bars: median under 1.0 s and under 1 GB at one step.'] }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
