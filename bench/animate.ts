import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BenchResult, median } from './measure.js'

const RUNS = 7
const COMMAND = 'dist/bin/main.js'

/** Runs the built command once: seconds from process start to exit, and the largest resident set in megabytes. */
function runOnce(args: readonly string[]): Promise<{ seconds: number; megabytes: number }> {
  const watch = `process.on('exit',()=>process.send(process.resourceUsage().maxRSS))`
  return new Promise((resolve, reject) => {
    const before = performance.now()
    let megabytes = NaN
    const child = spawn(process.execPath, ['--import', `data:text/javascript,${watch}`, COMMAND, ...args], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    child.on('message', (kilobytes) => (megabytes = Number(kilobytes) / 1024))
    child.on('error', reject)
    child.on('close', (code) => {
      if (code === 0) resolve({ seconds: (performance.now() - before) / 1000, megabytes })
      else reject(new Error(`sfv ${args.join(' ')} ended with ${code}`))
    })
  })
}

/** `sfv animate` with the bundled model, process start to file. Bars: median under 1.5 s, under 1 GB. */
export async function animate(): Promise<BenchResult> {
  const title = 'sfv animate with models/fluent, process start to file'
  if (!existsSync(COMMAND)) return { title, rows: [], notes: ['Skipped: not built; run `npm run build` first.'] }
  const folder = await mkdtemp(join(tmpdir(), 'sfv-bench-'))
  try {
    const rows = []
    for (const steps of [1, 25]) {
      const out = join(folder, 'clip.webp')
      const args = ['animate', 'examples/balloon.png', '-o', out, '--seed', '1', '--steps', String(steps)]
      const runs = []
      for (let i = 0; i < (steps === 1 ? RUNS : 3); i++) runs.push(await runOnce(args))
      const seconds = runs.map((run) => run.seconds)
      rows.push({
        steps: String(steps),
        'median s': median(seconds).toFixed(2),
        'fastest s': Math.min(...seconds).toFixed(2),
        'slowest s': Math.max(...seconds).toFixed(2),
        'largest RSS, MB': Math.max(...runs.map((run) => run.megabytes)).toFixed(0),
      })
    }
    return { title, rows, notes: ['Bars: median under 1.5 s and under 1 GB at one step.'] }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
