import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { countFlops } from '../../src/graph/flops.js'
import { input } from '../../src/graph/ops/index.js'
import { unet } from '../../src/models/unet/index.js'
import { ParameterSet } from '../../src/nn/weights.js'
import { initPipeline } from '../../src/pipeline/init.node.js'
import { Model } from '../../src/svd/model.js'
import { openModelFolder } from '../../src/svd/model-folder.node.js'
import { cacheFolder } from '../../src/runtime/cache-folder.node.js'
import { nodeEngine } from '../../src/runtime/engine.node.js'
import type { Engine } from '../../src/runtime/program.js'
import { saveCheckpoint } from '../../src/weights/checkpoint.node.js'
import { median, ratio, values, type BenchResult, type Row } from '../measure.js'
import { differenceOf, findPython, openPeer, timed, type Times } from './python.js'

const TITLE = 'The UNet of Stable Video Diffusion beside diffusers on PyTorch, on the CPU'
const SCRIPT = fileURLToPath(new URL('unet.py', import.meta.url))
/** 14 frames of 320x192 pixels. */
const SHAPE = { batch: 1, frames: 14, height: 24, width: 40 }
const ROUNDS = 3
const [FASTER, AGREEMENT] = [1.2, 1e-4]

/**
 * A forward of the same random weights by both, in turns, at equal threads: of the quarter-size model, and of a
 * full-size one (`sfv init --config svd`) whose folder $SFV_PEER_FULL_SIZE names. Python is $SFV_PEER_PYTHON, else
 * python3.
 */
export async function peers(): Promise<BenchResult> {
  const { python, missing } = findPython()
  if (missing !== undefined) return { title: TITLE, rows: [], notes: [missing] }
  const full = process.env['SFV_PEER_FULL_SIZE']
  const rows: Row[] = [await beside(python, 'quarter size', await quarterSize())]
  if (full !== undefined) rows.push(await beside(python, 'full size', full))
  const notes = [
    `14 frames of 320x192, ${availableParallelism()} threads each, float16 weights computed in float32. Bars: at least ${FASTER} times as fast, within ${AGREEMENT.toExponential(0)} of the`,
    'largest value. The lean form of sfv runs, which keeps weights in their file and frees every buffer.',
  ]
  return { title: TITLE, rows, notes }
}

/** A random model of half of every width, made the first time. */
export async function quarterSize(): Promise<string> {
  const folder = join(cacheFolder(), 'bench', 'svd-quarter')
  const there = await stat(join(folder, 'model_index.json')).catch(() => undefined)
  if (!there) await initPipeline({ config: 'svd-quarter', out: folder, seed: 0, dtype: 'F16' })
  return folder
}

async function beside(python: string, name: string, folder: string): Promise<Row> {
  const work = await mkdtemp(join(tmpdir(), 'sfv-peers-'))
  try {
    const threads = availableParallelism()
    const ours = await openOurs(nodeEngine({ threads }), folder)
    const feeds = Object.entries(ours.feeds).map(([name, data]) => ({ name, data, shape: ours.shapes.get(name)! }))
    await saveCheckpoint(join(work, 'feeds.safetensors'), feeds)
    const files = ['feeds.safetensors', 'output'].map((name) => join(work, name))
    const theirs = await openPeer(python, [SCRIPT, folder, ...files, `${threads}`])
    const [mine, peer]: [Times[], Times[]] = [[], []]
    let output: Float32Array = new Float32Array()
    for (let round = 0; round <= ROUNDS; round++) {
      const times = await timed(async () => (output = await ours.run()))
      const other = await theirs.run('forward')
      // The first round warms up.
      if (round > 0) [mine, peer].forEach((list, i) => list.push([times, other][i]!))
    }
    const difference = differenceOf(output, new Float32Array((await readFile(join(work, 'output'))).buffer))
    await Promise.all([ours.close(), theirs.close()])
    const [a, b] = [mine, peer].map((list) => ({
      seconds: median(list.map(({ seconds }) => seconds)),
      processor: median(list.map(({ processor }) => processor)),
    })) as [Times, Times]
    return {
      network: `${name}, ${(ours.parameters / 1e6).toFixed(0)} million parameters`,
      'sfv s': a.seconds.toFixed(2),
      'diffusers s': b.seconds.toFixed(2),
      'times as fast': ratio(b.seconds, a.seconds),
      'by processor time': ratio(b.processor, a.processor),
      'sfv GFLOP a processor second': (ours.flops / a.processor / 1e9).toFixed(0),
      'largest difference': difference.toExponential(1),
      beside: theirs.versions,
    }
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

async function openOurs(engine: Engine, folder: string) {
  const model = new Model(await openModelFolder(folder), engine)
  const network = model.unet('unet', SHAPE, true)
  const program = await network.open()
  const feeds = Object.fromEntries(
    program.inputs.map(({ name, shape }) => [name, values(shape.reduce((product, n) => product * n, 1))]),
  )
  // As in the middle of a denoising: a time of 1, seven frames a second.
  feeds['timestep'] = Float32Array.of(1)
  feeds['addedTimeIds'] = Float32Array.of(6, 127, 0.02)
  const set = new ParameterSet()
  const inputs = program.inputs.map(({ name, shape }) => [name, input(name, shape)] as const)
  const flops = countFlops([unet(set, model.unetConfig('unet'), Object.fromEntries(inputs) as never)])
  return {
    feeds,
    shapes: new Map(program.inputs.map(({ name, shape }) => [name, shape])),
    flops,
    parameters: set.count,
    run: async () => (await program.run(feeds))['output']!,
    close: () => network.close(),
  }
}
