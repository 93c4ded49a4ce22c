import { lower } from '../src/graph/lower.js'
import { conv, convInputGrad, convWeightGrad, input } from '../src/graph/ops/index.js'
import type { Tensor } from '../src/graph/tensor.js'
import type { Engine } from '../src/runtime/program.js'
import { type BenchResult, interleaved, milliseconds, values } from './measure.js'

/** A convolution of n pictures: channels, size, kernel. */
const CASES = [
  { name: '3x3, 14x128x32x32', x: [14, 128, 32, 32], kernel: [3, 3], padding: [1, 1] },
  { name: '3x3, 14x64x16x16', x: [14, 64, 16, 16], kernel: [3, 3], padding: [1, 1] },
  { name: '(3,1) in time, 1x64x14x256', x: [1, 64, 14, 256], kernel: [3, 1], padding: [1, 0] },
] as const

/**
 * Forward, input gradient and weight gradient of convolutions, in GFLOP/s. Bar: the weight's at 60 % of the forward's.
 */
export async function convolution(engine: Engine): Promise<BenchResult> {
  const rows = []
  for (const { name, x, kernel, padding } of CASES) {
    const channels = x[1]
    const picture = input('x', x)
    const grad = input('g', x)
    const weight = input('w', [channels, channels, ...kernel])
    const geometry = { strides: [1, 1], pads: [...padding, ...padding] }
    const graphs: Record<string, Tensor> = {
      forward: conv(picture, weight, undefined, { padding }),
      'input gradient': convInputGrad(grad, weight, [x[2], x[3]], geometry),
      'weight gradient': convWeightGrad(picture, grad, kernel, geometry),
    }
    const feeds = { x: values(picture.size), g: values(grad.size), w: values(weight.size) }
    const programs = await Promise.all(
      Object.entries(graphs).map(async ([part, y]) => [part, await engine.load(lower({ y }))] as const),
    )
    const times = await interleaved(
      Object.fromEntries(programs.map(([part, program]) => [part, () => program.run(feeds)])),
      9,
    )
    const flops = 2 * picture.size * channels * kernel[0] * kernel[1]
    const rate = (part: string) => flops / times[part]! / 1e9
    rows.push({
      convolution: name,
      ...Object.fromEntries(Object.keys(graphs).map((part) => [`${part} GFLOP/s`, rate(part).toFixed(0)])),
      'forward ms': milliseconds(times.forward!),
      'weight gradient / forward': (rate('weight gradient') / rate('forward')).toFixed(2),
    })
    await Promise.all(programs.map(([, program]) => program.dispose()))
  }
  return { title: 'Convolution and its gradients', rows, notes: ['Bar: weight gradient / forward at least 0.60.'] }
}
