import { readFile, writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { nodeEngine } from '../src/runtime/engine.node.js'
import { adversarial, rematerialisation } from './adversarial.js'
import { animate } from './animate.js'
import { control } from './control.js'
import { convolution } from './convolution.js'
import type { BenchResult } from './measure.js'
import { mpiEfficiency } from './mpi.js'
import { engineOverhead } from './networks.js'
import { peers } from './peers/diffusers.js'
import { trainingPeers } from './peers/training.js'
import { serving } from './serve.js'
import { studio } from './studio.js'
import { trainingStep } from './unet.js'

const BENCHES = {
  overhead: engineOverhead,
  convolution,
  unet: trainingStep,
  adversarial,
  rematerialisation,
  mpi: mpiEfficiency,
  animate,
  studio,
  serve: serving,
  control,
  peers,
  'peers-training': trainingPeers,
}
const DOCUMENT = 'docs/benchmarks.md'
const MARK = '<!-- tables -->'

function markdown({ title, rows, notes = [] }: BenchResult): string {
  const columns = Object.keys(rows[0] ?? {})
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const table = rows.length === 0 ? [] : [line(columns), line(columns.map(() => '---'))]
  const body = rows.map((row) => line(columns.map((column) => row[column] ?? '')))
  return [`## ${title}`, '', ...table, ...body, ...(table.length ? [''] : []), ...notes, ''].join('\n')
}

const args = process.argv.slice(2)
const chosen = args.filter((arg) => !arg.startsWith('--'))
const unknown = chosen.find((name) => !(name in BENCHES))
if (unknown !== undefined) {
  console.error(`there is no bench ${unknown}; choose of ${Object.keys(BENCHES).join(', ')}`)
  process.exit(2)
}
const engine = nodeEngine()
const results: BenchResult[] = []
for (const [name, bench] of Object.entries(BENCHES)) {
  if (chosen.length > 0 && !chosen.includes(name)) continue
  const result = await bench(engine)
  results.push(result)
  if (!args.includes('--json')) console.log(markdown(result))
}
if (args.includes('--json')) console.log(JSON.stringify(results))
if (args.includes('--write')) {
  const [head] = (await readFile(DOCUMENT, 'utf8')).split(MARK)
  const machine = `Measured on ${cpus().length} cores of ${cpus()[0]?.model ?? 'an unknown processor'}, Node ${process.version}.`
  await writeFile(DOCUMENT, `${head}${MARK}\n\n${machine}\n\n${results.map(markdown).join('\n')}`)
}
