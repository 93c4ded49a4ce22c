// Rectified flow (Liu et al. 2022) on Stable Video Diffusion's UNet: an objective that sfv does not have, in user code.
import { readFile } from 'node:fs/promises'
import { ImageToVideo } from 'sfv'
import { nodeEngine, ops, ParameterSet } from 'sfv/graph'
import { parseUNetConfig, unet } from 'sfv/models'
import { adamW, GradientProgram, initialValues, Layout, Learner } from 'sfv/training'

const [steps = '200', seed = '0'] = process.argv.slice(2)
const { add, input, mean, mul, reshape, square, sub, concat, broadcastTo } = ops
const [frames, side, channels] = [14, 16, 3]

// A small UNet on pixels: noisy frames and the first frame in, a velocity out.
const config = parseUNetConfig(JSON.parse(await readFile(new URL('unet.json', import.meta.url), 'utf8')), 'unet.json')
const set = new ParameterSet('unet/')
const clip = input('clip', [1, frames, channels, side, side])
const noise = input('noise', clip.shape)
const time = input('time', [1])

// x_t = (1 - t) x_0 + t e, and the network is to say e - x_0.
const t = reshape(time, [1, 1, 1, 1, 1])
const noisy = add(mul(clip, sub(1, t)), mul(noise, t))
const first = broadcastTo(ops.slice(clip, 1, 0, 1), clip.shape)
const velocity = unet(set, config, {
  sample: concat([noisy, first], 2),
  timestep: mul(time, 1000),
  context: input('context', [1, 1, config.down[0].contextWidth]),
  addedTimeIds: input('addedTimeIds', [1, 3]),
})
const loss = mean(square(sub(velocity, sub(noise, clip))))

// The data: one clip of the bundled model, at an eighth of its size, in [-1, 1].
const sfv = await ImageToVideo.fromPretrained()
const { frames: made } = await sfv.animate(new URL('../balloon.png', import.meta.url), { seed: 1, frames })
await sfv.dispose()
const [stepX, stepY] = [made.width / side, made.height / side]
const values = Float32Array.from({ length: frames * channels * side * side }, (_, i) => {
  const [x, y] = [i % side, Math.floor(i / side) % side]
  const [c, f] = [Math.floor(i / side ** 2) % channels, Math.floor(i / (channels * side ** 2))]
  const pixel = (f * made.height + Math.floor((y + 0.5) * stepY)) * made.width + Math.floor((x + 0.5) * stepX)
  return made.data[3 * pixel + c] / 127.5 - 1
})

const program = await GradientProgram.open(nodeEngine(), { loss, metrics: {}, trained: set })
const learner = new Learner(set, initialValues(set, new Layout(set.shapes), Number(seed)), {
  optimizer: adamW({ betas: [0.9, 0.99], eps: 1e-8, weightDecay: 0 }),
  emaDecay: 0.99,
  maxGradientNorm: 1,
})
const gaussian = () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random())
const fixed = {
  clip: values,
  context: new Float32Array(config.down[0].contextWidth),
  addedTimeIds: new Float32Array(3),
}
for (let step = 1, mean = 0; step <= Number(steps); step++) {
  const drawn = { noise: values.map(gaussian), time: Float32Array.of(Math.random()) }
  const { metrics } = await program.run({ ...learner.feeds(), ...fixed, ...drawn })
  await learner.apply(program.gradients[0], 1e-3)
  mean += (metrics.loss - mean) / Math.min(step, 20)
  if (step % 20 === 0) console.log(`${step}  loss ${mean.toFixed(4)}`)
}
await program.dispose()
