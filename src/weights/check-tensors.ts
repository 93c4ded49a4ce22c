import { UserError } from '../errors.js'
import { quote } from './json.js'

/**
 * Checks that a checkpoint has exactly the tensors of a model, in their shapes.
 *
 * @param path the checkpoint, for messages
 * @param what names the model in the error
 * @param options.ignore tensors that the model does not have are let pass where their names match
 * @throws UserError naming the first tensors that are missing, unexpected or of another shape.
 */
export function checkTensors(
  path: string,
  tensors: ReadonlyMap<string, { readonly shape: readonly number[] }>,
  expected: ReadonlyMap<string, readonly number[]>,
  what: string,
  options: { readonly ignore?: RegExp } = {},
): void {
  const missing: string[] = []
  const reshaped: string[] = []
  for (const [name, shape] of expected) {
    const stored = tensors.get(name)?.shape
    if (!stored) missing.push(quote(name))
    else if (`${stored.join()}` !== `${shape.join()}`) {
      reshaped.push(`${quote(name)} [${stored.join(', ')}] instead of [${shape.join(', ')}]`)
    }
  }
  const unexpected = [...tensors.keys()]
    .filter((name) => !expected.has(name) && options.ignore?.test(name) !== true)
    .map(quote)
  const problems = [
    summary('missing', missing),
    summary('of another shape', reshaped),
    summary('unexpected', unexpected),
  ]
  const found = problems.filter((problem) => problem !== undefined).join('; ')
  if (found === '') return
  throw new UserError(`${path} is not a checkpoint of ${what} (${found}); use weights that fit its config.json`)
}

/** How many tensors of each kind an error names. */
const NAMED = 3

function summary(kind: string, tensors: readonly string[]): string | undefined {
  if (tensors.length === 0) return undefined
  const more = tensors.length > NAMED ? ` and ${tensors.length - NAMED} more` : ''
  return `${kind}: ${tensors.slice(0, NAMED).join(', ')}${more}`
}
