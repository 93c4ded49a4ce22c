import { spawn, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { vi } from 'vitest'
import { run } from '../../src/cli/run.js'

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))
const root = fileURLToPath(new URL('../..', import.meta.url))

/** How a command ended. */
export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs `sfv` as a process of its own, from the sources; `watch` sees the process while it runs. */
export function sfv(args: readonly string[], watch?: (child: ChildProcess) => void): Promise<Ended> {
  const child = spawn(process.execPath, ['--import', 'tsx', main, ...args], { cwd: root })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  watch?.(child)
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }))
  })
}

/** Runs the command in this process; what it writes is returned. */
export async function inProcess(args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const written = { stdout: '', stderr: '' }
  const restore = (['stdout', 'stderr'] as const).map((name) => {
    const spy = vi
      .spyOn(process[name], 'write')
      .mockImplementation((chunk) => ((written[name] += chunk.toString()), true))
    return () => spy.mockRestore()
  })
  try {
    return { code: await run(args), ...written }
  } finally {
    restore.forEach((put) => put())
  }
}
