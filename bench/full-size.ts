// One forward of the UNet of a full-size checkpoint: npx tsx bench/full-size.ts FOLDER WxH FRAMES
// A random one will do: npx sfv init --config svd -o FOLDER
import { readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { countFlops } from '../src/graph/flops.js'
import { activationBytes } from '../src/graph/memory.js'
import { input } from '../src/graph/ops/index.js'
import { unet } from '../src/models/unet/index.js'
import { ParameterSet } from '../src/nn/weights.js'
import { Model } from '../src/svd/model.js'
import { openModelFolder } from '../src/svd/model-folder.node.js'
import { nodeEngine } from '../src/runtime/engine.node.js'
import { values } from './measure.js'
import { matmulPeak } from './networks.js'

const [folder, size, count] = process.argv.slice(2)
const [, width, height] = /^(\d+)x(\d+)$/.exec(size ?? '') ?? []
if (folder === undefined || width === undefined || height === undefined) {
  console.error('give a model folder, a size such as 1024x576, and a number of frames')
  process.exit(2)
}
const shape = { batch: 1, frames: Number(count ?? 14), height: Number(height) / 8, width: Number(width) / 8 }

/** Kilobytes of a line of /proc/self/status as gigabytes. */
function status(name: string): number {
  const text = readFileSync('/proc/self/status', 'utf8')
  return (Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1]) * 1024) / 1e9
}

const engine = nodeEngine()
const model = new Model(await openModelFolder(folder), engine)
const config = model.unetConfig('unet')
const feeds = {
  sample: input('sample', [1, shape.frames, config.inChannels, shape.height, shape.width]),
  timestep: input('timestep', [1]),
  context: input('context', [1, 1, model.imageEncoderConfig.projection]),
  addedTimeIds: input('addedTimeIds', [1, 3]),
}
const output = unet(new ParameterSet(), config, feeds)
const flops = countFlops([output])

const peakBefore = await matmulPeak(engine)
let start = performance.now()
const program = await model.unet('unet', shape, true).open()
const opened = (performance.now() - start) / 1000
const numbers = Object.fromEntries(Object.entries(feeds).map(([name, { size }]) => [name, values(size)]))
// From here on the largest resident set is the run's.
writeFileSync('/proc/self/clear_refs', '5')
const cpu = process.cpuUsage()
start = performance.now()
const result = await program.run(numbers)
const seconds = (performance.now() - start) / 1000
const { user, system } = process.cpuUsage(cpu)
const sum = result['output']!.reduce((a, b) => a + Math.abs(b), 0)
if (!Number.isFinite(sum) || sum === 0) throw new Error('the output is not finite')
const peak = Math.max(peakBefore, await matmulPeak(engine))
const rate = flops / seconds / 1e9
const rows = {
  machine: `${cpus().length} cores of ${cpus()[0]?.model}`,
  clip: `${shape.frames} frames of ${size}`,
  'opened in': `${opened.toFixed(1)} s`,
  forward: `${seconds.toFixed(1)} s wall, ${((user + system) / 1e6).toFixed(0)} s of processor time`,
  work: `${(flops / 1e12).toFixed(2)} TFLOP`,
  speed: `${rate.toFixed(0)} GFLOP/s, ${((100 * rate) / peak).toFixed(0)} % of MatMul's ${peak.toFixed(0)}`,
  'largest RSS': `${status('VmHWM').toFixed(2)} GB, of which ${status('RssFile').toFixed(2)} GB are the checkpoint's pages`,
  'activations, estimated': `${(activationBytes([output]) / 1e9).toFixed(2)} GB`,
}
for (const [name, value] of Object.entries(rows)) console.log(`${name.padEnd(24)}${value}`)
await program.dispose()
