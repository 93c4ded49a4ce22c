import { add, concat, conv, div, maximum, mean, mul, reshape, slice, sqrt, sub } from '../../graph/ops/index.js'
import { dim, type Tensor } from '../../graph/tensor.js'
import { type Weights } from '../../nn/weights.js'
import { maxPoolSame, samePadding } from './same.js'

/** Of every batch norm. */
const EPSILON = 1e-3

/**
 * Channels of an Inception module: of its 1x1x1 branch, of both 3x3x3 branches before and in them, of its pooled
 * branch.
 */
type Widths = readonly [one: number, before: number, three: number, before2: number, three2: number, pooled: number]

/** The layers in their order, by the reference's names of their end points. */
const LAYERS: readonly (
  | { readonly name: string; readonly width: number; readonly kernel: number; readonly stride: number }
  | { readonly name: string; readonly pool: readonly number[]; readonly strides: readonly number[] }
  | { readonly name: string; readonly mixed: Widths }
)[] = [
  { name: 'Conv3d_1a_7x7', width: 64, kernel: 7, stride: 2 },
  { name: 'MaxPool3d_2a_3x3', pool: [1, 3, 3], strides: [1, 2, 2] },
  { name: 'Conv3d_2b_1x1', width: 64, kernel: 1, stride: 1 },
  { name: 'Conv3d_2c_3x3', width: 192, kernel: 3, stride: 1 },
  { name: 'MaxPool3d_3a_3x3', pool: [1, 3, 3], strides: [1, 2, 2] },
  { name: 'Mixed_3b', mixed: [64, 96, 128, 16, 32, 32] },
  { name: 'Mixed_3c', mixed: [128, 128, 192, 32, 96, 64] },
  { name: 'MaxPool3d_4a_3x3', pool: [3, 3, 3], strides: [2, 2, 2] },
  { name: 'Mixed_4b', mixed: [192, 96, 208, 16, 48, 64] },
  { name: 'Mixed_4c', mixed: [160, 112, 224, 24, 64, 64] },
  { name: 'Mixed_4d', mixed: [128, 128, 256, 24, 64, 64] },
  { name: 'Mixed_4e', mixed: [112, 144, 288, 32, 64, 64] },
  { name: 'Mixed_4f', mixed: [256, 160, 320, 32, 128, 128] },
  { name: 'MaxPool3d_5a_2x2', pool: [2, 2, 2], strides: [2, 2, 2] },
  { name: 'Mixed_5b', mixed: [256, 160, 320, 32, 128, 128] },
  { name: 'Mixed_5c', mixed: [384, 192, 384, 48, 128, 128] },
]

/** Frames, rows and columns of the average before the logits. */
const POOL = [2, 7, 7] as const

/** The fewest frames that leave two for the average before the logits. */
export const I3D_LEAST_FRAMES = 9

/** What the network says of clips. */
export interface I3dOutput {
  /** (n, classes): logits of Kinetics' classes, averaged over time: the features of the Frechet Video Distance. */
  readonly logits: Tensor
  /** (n, 1024, time): averages over 2 frames and 7x7 pixels before the logits. */
  readonly features: Tensor
  /** (n, c, f, h, w) after each layer, by name. */
  readonly endPoints: ReadonlyMap<string, Tensor>
}

/**
 * `InceptionI3d` (Carreira and Zisserman 2017; names as in the PyTorch port that the field uses), in inference.
 *
 * @param clips (n, 3, f, 224, 224) in [-1, 1], f at least `I3D_LEAST_FRAMES`
 */
export function inceptionI3d(w: Weights, clips: Tensor, classes = 400): I3dOutput {
  let x = clips
  const endPoints = new Map<string, Tensor>()
  for (const layer of LAYERS) {
    const at = w.at(layer.name)
    if ('pool' in layer) x = maxPoolSame(x, layer.pool, layer.strides)
    else if ('mixed' in layer) x = mixed(at, x, layer.mixed)
    else x = unit(at, x, layer.width, layer.kernel, layer.stride)
    endPoints.set(layer.name, x)
  }
  const features = averagePool(x)
  const [n, channels, time] = features.shape as [number, number, number]
  const logits = w.at('logits').at('conv3d')
  const weight = logits.get('weight', [classes, channels, 1, 1, 1])
  const scores = conv(reshape(features, [n, channels, time, 1, 1]), weight, logits.get('bias', [classes]))
  return { logits: mean(reshape(scores, [n, classes, time]), { axes: [2] }), features, endPoints }
}

/** `Unit3D`: a convolution without bias, batch norm with its kept statistics, ReLU. */
function unit(w: Weights, x: Tensor, width: number, kernel: number, stride = 1): Tensor {
  const weight = w.at('conv3d').get('weight', [width, dim(x, 1), kernel, kernel, kernel])
  const pads = x.shape.slice(2).map((size) => samePadding(size, kernel, stride))
  const padding = [...pads.map(([before]) => before), ...pads.map(([, after]) => after)]
  const norm = (name: string) => w.at('bn').get(name, [width])
  const scale = div(norm('weight'), sqrt(add(norm('running_var'), EPSILON)))
  const shift = sub(norm('bias'), mul(norm('running_mean'), scale))
  const column = (values: Tensor) => reshape(values, [width, 1, 1, 1])
  return maximum(add(mul(conv(x, weight, undefined, { stride, padding }), column(scale)), column(shift)), 0)
}

/** `InceptionModule`: four branches side by side. */
function mixed(w: Weights, x: Tensor, [one, before, three, before2, three2, pooled]: Widths): Tensor {
  return concat(
    [
      unit(w.at('b0'), x, one, 1),
      unit(w.at('b1b'), unit(w.at('b1a'), x, before, 1), three, 3),
      unit(w.at('b2b'), unit(w.at('b2a'), x, before2, 1), three2, 3),
      unit(w.at('b3b'), maxPoolSame(x, [3, 3, 3], [1, 1, 1]), pooled, 1),
    ],
    1,
  )
}

/** (n, c, f, 7, 7) -> (n, c, f - 1): means over all pixels and two neighbouring frames. */
function averagePool(x: Tensor): Tensor {
  const [, , frames, height, width] = x.shape as [number, number, number, number, number]
  if (frames < POOL[0] || height !== POOL[1] || width !== POOL[2])
    throw new RangeError(`the average before the logits is over ${POOL.join('x')}, not ${frames}x${height}x${width}`)
  const overPixels = mean(x, { axes: [3, 4] })
  return mul(add(slice(overPixels, 2, 0, frames - 1), slice(overPixels, 2, 1, frames)), 0.5)
}
