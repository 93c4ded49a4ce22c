import { type ParameterSet } from '../../../src/nn/weights.js'
import { Random } from '../../../src/runtime/random.js'
import { type GradientProgram } from '../../../src/training/trainer/gradient-program.js'
import { Layout } from '../../../src/training/trainer/parameters.js'

/**
 * How far, relatively, the gradient of a loss by a network's weights is from central differences, in two random
 * directions; the larger of the two.
 *
 * @param goal number of the loss among the program's gradients
 * @param step how far every weight moves, times a unit Gaussian
 */
export async function slopeError(
  program: GradientProgram,
  loss: string,
  set: ParameterSet,
  weights: Float32Array,
  feeds: Readonly<Record<string, Float32Array>>,
  goal = 0,
  step = 2e-4,
): Promise<number> {
  const layout = new Layout(set.shapes)
  const at = async (values: Float32Array) =>
    (await program.run({ ...feeds, ...layout.views(values, set.prefix) })).metrics[loss]!
  const random = new Random(7)
  let largest = 0
  for (let trial = 0; trial < 2; trial++) {
    const direction = random.normals(weights.length)
    const moved = (h: number) => weights.map((w, i) => w + h * direction[i]!)
    const slope = async (h: number) => ((await at(moved(h))) - (await at(moved(-h)))) / (2 * h)
    const [coarse, fine] = [await slope(step), await slope(step / 2)]
    await at(weights)
    const expected = program.gradients[goal]!.reduce((sum, g, i) => sum + g * direction[i]!, 0)
    // Richardson's combination of two step sizes is free of the third derivative.
    largest = Math.max(largest, Math.abs((4 * fine - coarse) / 3 / expected - 1))
  }
  return largest
}
