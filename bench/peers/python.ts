import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

/** What a run took: on the clock, and of all threads together. */
export interface Times {
  readonly seconds: number
  readonly processor: number
}

/** A Python program that answers each line of its input with a line. */
export interface Peer {
  /** What it said first: the versions of its libraries. */
  readonly versions: string
  /** Asks for one run. */
  run(command?: string): Promise<Times>
  close(): Promise<void>
}

/** $SFV_PEER_PYTHON, else python3; or why it cannot be a peer. */
export function findPython(): { readonly python: string; readonly missing: string | undefined } {
  const python = process.env['SFV_PEER_PYTHON'] ?? 'python3'
  const probe = spawnSync(python, ['-c', 'import torch, diffusers, safetensors'], { encoding: 'utf8' })
  if (probe.status === 0) return { python, missing: undefined }
  const reason = probe.error?.message ?? probe.stderr.trim().split('\n').at(-1) ?? ''
  return { python, missing: `Skipped: ${python} cannot import torch and diffusers (${reason}).` }
}

/** Starts a script, and waits until it is ready. */
export async function openPeer(python: string, args: readonly string[]): Promise<Peer> {
  const child = spawn(python, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const line = async () => {
    const next = await lines.next()
    if (next.done) throw new Error(`${python} ended before it was asked to`)
    return next.value
  }
  return {
    versions: await line(),
    run: async (command = '') => {
      child.stdin.write(`${command}\n`)
      const [seconds, processor] = (await line()).split(' ').map(Number) as [number, number]
      return { seconds, processor }
    },
    close: async () => {
      child.stdin.end()
      await once(child, 'close')
    },
  }
}

/** Times one run of this process. */
export async function timed(run: () => Promise<unknown>): Promise<Times> {
  const [start, cpu] = [performance.now(), process.cpuUsage()]
  await run()
  const { user, system } = process.cpuUsage(cpu)
  return { seconds: (performance.now() - start) / 1000, processor: (user + system) / 1e6 }
}

/** Largest difference, relative to the largest value of the second. */
export function differenceOf(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) throw new Error(`${a.length} values beside ${b.length}`)
  const largest = b.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  return a.reduce((worst, value, i) => Math.max(worst, Math.abs(value - b[i]!)), 0) / largest
}
