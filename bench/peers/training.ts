import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { availableParallelism, freemem, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { lower } from '../../src/graph/lower.js'
import { input, mean, square, sub } from '../../src/graph/ops/index.js'
import { parseUNetConfig, unet } from '../../src/models/unet/index.js'
import { ParameterSet } from '../../src/nn/weights.js'
import { nodeEngine } from '../../src/runtime/engine.node.js'
import { readConfig, readWeights } from '../../src/training/output/components.node.js'
import { GradientProgram } from '../../src/training/trainer/gradient-program.js'
import { Learner } from '../../src/training/trainer/learner.js'
import { adamW } from '../../src/training/trainer/optimizers.js'
import { saveCheckpoint } from '../../src/weights/checkpoint.node.js'
import { median, milliseconds, ratio, values, type BenchResult, type Row } from '../measure.js'
import { MODEL } from '../model.js'
import { quarterSize } from './diffusers.js'
import { differenceOf, findPython, openPeer, timed, type Times } from './python.js'

const TITLE = 'Forward and training step beside diffusers on PyTorch, on the CPU'
const SCRIPT = fileURLToPath(new URL('unet.py', import.meta.url))
const ROUNDS = 7
/** Bytes: weights, gradients, two moments and an average of 382 million parameters, of both sides, and what they keep. */
const QUARTER_NEEDS = 19e9

/**
 * A forward and a training step (forward, backward, clipping, AdamW, average) of the same weights on the same inputs by
 * both, in turns, at equal threads: of the bundled model's UNet, and of the quarter-size one where memory allows it.
 */
export async function trainingPeers(): Promise<BenchResult> {
  const { python, missing } = findPython()
  if (missing !== undefined) return { title: TITLE, rows: [], notes: [missing] }
  const rows = await beside(python, MODEL, MODEL, [16, 16])
  const notes = [
    `14 latents of 16x16 (quarter size: 40x24), ${availableParallelism()} threads each, float32, one clip. Bar: at least 1.2 times as fast.`,
  ]
  if (freemem() >= QUARTER_NEEDS) rows.push(...(await beside(python, 'quarter size', await quarterSize(), [24, 40])))
  else notes.push(`Quarter size left out: it needs ${QUARTER_NEEDS / 1e9} GB of free memory.`)
  return { title: TITLE, rows, notes }
}

async function beside(python: string, name: string, folder: string, size: readonly [number, number]): Promise<Row[]> {
  const work = await mkdtemp(join(tmpdir(), 'sfv-peers-'))
  try {
    const ours = await openOurs(folder, size)
    const files = ['feeds.safetensors', 'output'].map((file) => join(work, file)) as [string, string]
    await saveCheckpoint(files[0], ours.tensors)
    const theirs = await openPeer(python, [SCRIPT, folder, ...files, `${availableParallelism()}`])
    const rows: Row[] = []
    for (const part of ['forward', 'step'] as const) {
      const [mine, peer]: [Times[], Times[]] = [[], []]
      let output: Float32Array = new Float32Array()
      for (let round = 0; round <= ROUNDS; round++) {
        const times = await timed(async () => (output = await ours[part]()))
        const other = await theirs.run(part)
        // The first round warms up.
        if (round > 0) [mine, peer].forEach((list, i) => list.push([times, other][i]!))
      }
      const middle = (list: Times[], of: keyof Times) => median(list.map((times) => times[of]))
      const made = new Float32Array((await readFile(files[1])).buffer)
      rows.push({
        network: `${name}, ${ours.parameters} million parameters`,
        part: part === 'forward' ? 'forward' : 'training step',
        'sfv ms': milliseconds(middle(mine, 'seconds')),
        'diffusers ms': milliseconds(middle(peer, 'seconds')),
        'times as fast': ratio(middle(peer, 'seconds'), middle(mine, 'seconds')),
        'by processor time': ratio(middle(peer, 'processor'), middle(mine, 'processor')),
        'largest difference': part === 'forward' ? differenceOf(output, made).toExponential(1) : '-',
        beside: theirs.versions,
      })
    }
    await Promise.all([ours.close(), theirs.close()])
    return rows
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

async function openOurs(folder: string, [height, width]: readonly [number, number]) {
  const { json, file } = await readConfig(folder, 'unet')
  const config = parseUNetConfig(json, file)
  const set = new ParameterSet('unet/')
  const shapes = {
    sample: [1, 14, config.inChannels, height, width],
    timestep: [1],
    context: [1, 1, config.down[0]!.contextWidth],
    addedTimeIds: [1, 3],
    target: [1, 14, config.outChannels, height, width],
  }
  const at = (name: keyof typeof shapes) => input(name, shapes[name])
  const output = unet(set, config, {
    sample: at('sample'),
    timestep: at('timestep'),
    context: at('context'),
    addedTimeIds: at('addedTimeIds'),
  })
  const { target, ...fed } = Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => [name, values(shape.reduce((product, n) => product * n, 1))]),
  )
  const feeds = { ...fed, timestep: Float32Array.of(1), addedTimeIds: Float32Array.of(6, 127, 0.02) }
  const engine = nodeEngine({ threads: availableParallelism() })
  const forward = await engine.load(lower({ output }))
  const loss = mean(square(sub(output, at('target'))))
  const program = await GradientProgram.open(engine, { loss, metrics: {}, trained: set })
  const optimizer = adamW({ betas: [0.9, 0.99], eps: 1e-8, weightDecay: 0 })
  const weights = await readWeights(folder, 'unet', set)
  const learner = new Learner(set, weights, { optimizer, emaDecay: 0.999, maxGradientNorm: 1 })
  return {
    tensors: Object.entries({ ...feeds, target: target! }).map(([name, data]) => ({
      name,
      data,
      shape: shapes[name as keyof typeof shapes],
    })),
    parameters: (set.count / 1e6).toFixed(1),
    forward: async () => (await forward.run({ ...learner.feeds(), ...feeds }))['output']!,
    step: async () => {
      await program.run({ ...learner.feeds(), ...feeds, target: target! })
      await learner.apply(program.gradients[0]!, 1e-6)
      return target!
    },
    close: () => Promise.all([forward.dispose(), program.dispose()]),
  }
}
