import { add, attention, constant, concat, reshape, silu, transpose } from '../../graph/ops/index.js'
import { dim, type Tensor } from '../../graph/tensor.js'
import { conv2d, layerNorm, linear } from '../../nn/layers.js'
import { type Weights } from '../../nn/weights.js'

/** A 3x3 convolution of x (n, c, h, w) at its size. */
export function conv3(w: Weights, x: Tensor, out: number): Tensor {
  return conv2d(w, x, out, 3, { padding: 1 })
}

/**
 * Residual blocks on x (n, c, h, w) without norms, as restoration networks have them: a norm over few channels takes
 * away how strong a colour is.
 */
export function residualBlocks(w: Weights, x: Tensor, count: number): Tensor {
  let h = x
  for (let i = 0; i < count; i++) {
    const block = w.at(i)
    const inner = conv3(block.at('conv1'), silu(h), dim(h, 1))
    h = add(h, conv3(block.at('conv2'), silu(inner), dim(h, 1)))
  }
  return h
}

/**
 * Adds what belongs to a whole clip to each of its frames: x (b f, c, h, w) + shared (b, c, h, w).
 */
export function addToFrames(x: Tensor, shared: Tensor): Tensor {
  const [b, ...frame] = shared.shape as [number, ...number[]]
  return reshape(add(reshape(x, [b, -1, ...frame]), reshape(shared, [b, 1, ...frame])), x.shape)
}

/**
 * Attention from every place of frames x (b f, c, h, w) to every place of their clip's picture (b, c, h, w), added to
 * x. Both are given their places, so that a frame can ask where in the picture something is.
 */
export function attendToPicture(w: Weights, x: Tensor, picture: Tensor, headChannels: number): Tensor {
  const [n, c, height, width] = x.shape as [number, number, number, number]
  const b = dim(picture, 0)
  const places = constant(placeSinusoids(height, width, c), [1, height * width, c])
  const tokens = (of: Tensor, norm: string) => {
    const rows = transpose(reshape(of, [dim(of, 0), c, height * width]), [0, 2, 1])
    return add(layerNorm(w.at(norm), rows), places)
  }
  const from = reshape(tokens(x, 'norm'), [b, (n / b) * height * width, c])
  const to = tokens(picture, 'norm_picture')
  const project = (name: string, of: Tensor) => linear(w.at(name), of, c)
  const mixed = attention(project('to_q', from), project('to_k', to), project('to_v', to), c / headChannels)
  const out = reshape(linear(w.at('to_out').at(0), mixed, c), [n, height * width, c])
  return add(x, reshape(transpose(out, [0, 2, 1]), x.shape))
}

/** Wavelengths of the places' sinusoids, in cells, from the shortest to the longest. */
const [SHORTEST, LONGEST] = [4, 256]

/** Sines and cosines of row and column of each cell of a grid, (height width, channels), row by row. */
function placeSinusoids(height: number, width: number, channels: number): Float32Array {
  const waves = channels / 4
  const frequencies = Array.from(
    { length: waves },
    (_, i) => (2 * Math.PI) / (SHORTEST * (LONGEST / SHORTEST) ** (i / Math.max(1, waves - 1))),
  )
  const table = new Float32Array(height * width * channels)
  for (let y = 0, at = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (const place of [y, x])
        for (const frequency of frequencies) {
          table[at++] = Math.sin(frequency * place)
          table[at++] = Math.cos(frequency * place)
        }
  return table
}

/** What a picture looks like at a quarter, an eighth and a sixteenth of its size. */
export interface Pyramid {
  readonly quarter: Tensor
  readonly eighth: Tensor
  readonly sixteenth: Tensor
}

/** Features of pictures (n, 4, H, W) at three sizes, each with its own number of channels. */
export function pyramid(w: Weights, pictures: Tensor, channels: readonly number[]): Pyramid {
  const [, c4, c8, c16] = channels as [number, number, number, number]
  const quarter = residualBlocks(w.at('blocks4'), quarterSize(w.at('stem'), pictures, c4), 1)
  const eighth = residualBlocks(w.at('blocks8'), halve(w.at('down8'), quarter, c8), 1)
  const sixteenth = residualBlocks(w.at('blocks16'), halve(w.at('down16'), eighth, c16), 1)
  return { quarter, eighth, sixteenth }
}

/** A convolution that takes pictures (n, c, H, W) to a quarter of their size, over 8x8 pixels. */
export function quarterSize(w: Weights, pictures: Tensor, out: number): Tensor {
  return conv2d(w, pictures, out, 8, { stride: 4, padding: 2 })
}

/** A convolution that takes x (n, c, h, w) to half its size. */
export function halve(w: Weights, x: Tensor, out: number): Tensor {
  return conv2d(w, silu(x), out, 4, { stride: 2, padding: 1 })
}

/** Tensors of frames side by side on the channel axis. */
export function channels(...tensors: readonly Tensor[]): Tensor {
  return concat(tensors, 1)
}
