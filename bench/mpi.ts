import { execFile, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type BenchResult, median, milliseconds } from './measure.js'

const CHILD = ['--import', 'tsx', fileURLToPath(new URL('mpi-child.ts', import.meta.url))]
const MPIRUN = ['--allow-run-as-root', '--oversubscribe', '--bind-to', 'none', '-n', '2', process.execPath, ...CHILD]
const ROUNDS = 3

interface Measured {
  readonly step: number
  readonly processor: number
  readonly averaging: number
  readonly parameters: number
}

const measure = async (command: string, args: readonly string[]) =>
  JSON.parse((await promisify(execFile)(command, args)).stdout) as Measured

/**
 * Two MPI processes of one thread beside one process of one thread, and beside two that know nothing of each other,
 * which is what the machine itself allows. Bar: 90 % of the step's speed.
 */
export async function mpiEfficiency(): Promise<BenchResult> {
  const title = 'Two MPI processes of one thread, a training step of models/fluent’s UNet each'
  if (spawnSync('mpirun', ['--version']).status !== 0)
    return { title, rows: [], notes: ['Not measured: there is no mpirun on this machine.'] }
  const rounds: { one: Measured; two: Measured; apart: Measured }[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const one = await measure(process.execPath, CHILD)
    const two = await measure('mpirun', MPIRUN)
    const [apart] = await Promise.all([measure(process.execPath, CHILD), measure(process.execPath, CHILD)])
    rounds.push({ one, two, apart })
  }
  const names = { one: 'one', two: 'two, by MPI', apart: 'two, independent' } as const
  const of = (name: keyof typeof names, what: 'step' | 'processor') => median(rounds.map((round) => round[name][what]))
  const share = (name: keyof typeof names, what: 'step' | 'processor') =>
    `${((100 * of('one', what)) / of(name, what)).toFixed(0)} %`
  const averaging = median(rounds.map((round) => round.two.averaging))
  const megabytes = (rounds[0]!.one.parameters * 4) / 1e6
  return {
    title,
    rows: (['one', 'two', 'apart'] as const).map((name) => ({
      processes: names[name],
      'ms a step': milliseconds(of(name, 'step')),
      efficiency: share(name, 'step'),
      'ms of processor a step': milliseconds(of(name, 'processor')),
      'efficiency by processor time': share(name, 'processor'),
    })),
    notes: [
      `Bar: 90 %. Averaging ${megabytes.toFixed(0)} MB of gradients takes ${milliseconds(averaging)} ms, including the wait for the other process.`,
      'Two independent processes also lose time, because they share caches and memory. Processor time is valid on a busy machine too, but excludes waiting.',
    ],
  }
}
