import { UserError } from '../errors.js'
import type { Program } from '../runtime/program.js'
import type { ComponentWeights } from './model-source.js'

/** Whether all numbers are finite. */
export function isFiniteArray(values: Float32Array): boolean {
  // Zero times a number is zero, but NaN for NaN and the infinite.
  let sum = 0
  for (const value of values) sum += 0 * value
  return sum === 0
}

/**
 * A program whose run ends with an error where its numbers are none, in place of a black clip. The error names the
 * network, and its first weight that is no number, where there is one.
 *
 * @param className what messages call the network
 * @param half whether it is computed in float16
 */
export function finiteProgram(program: Program, weights: ComponentWeights, className: string, half: boolean): Program {
  const run: Program['run'] = async (feeds, into) => {
    const results = await program.run(feeds, into)
    if (Object.values(results).every(isFiniteArray)) return results
    const broken = await brokenWeight(weights)
    const network = `${weights.path} (${className}) gave numbers that are none (NaN or infinite)`
    if (broken !== undefined)
      throw new UserError(`${network}, as its tensor ${broken} holds such; download or export the weights again`)
    const fix = half ? 'float16 may be too small for it: choose the precision float32' : 'its weights may be damaged'
    throw new UserError(`${network}; ${fix}`)
  }
  return { inputs: program.inputs, outputs: program.outputs, run, dispose: () => program.dispose() }
}

async function brokenWeight(weights: ComponentWeights): Promise<string | undefined> {
  for (const [name, { dtype }] of weights.tensors) {
    if (dtype === 'I64' || dtype === 'U8') continue
    const values = await weights.read?.(name)
    if (values && !isFiniteArray(values)) return name
  }
  return undefined
}
