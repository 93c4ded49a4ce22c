import { availableParallelism } from 'node:os'
import { UserError } from '../../errors.js'
import { type Group } from '../../runtime/group.js'
import { objectiveOf, type Recipe } from '../objectives/registry.node.js'

/** What the number of processes depends on beside the recipe. */
export interface Surroundings {
  /** Of all processes together. Default: one per core. */
  readonly threads?: number | undefined
  /** Whether the networks run on the CPU. */
  readonly onCpu: boolean
  /** Who trains together already, by MPI. */
  readonly group: Group
}

/**
 * How many processes share each batch. `auto` is as many as there are threads, as far as they divide the batch: two processes of
 * one thread are faster than one of two threads, as small operations gain little by a second thread (docs/experiments.md).
 *
 * @throws UserError when the recipe asks for a number that does not divide its batch, or for several under MPI.
 */
export function processesOf(recipe: Recipe, { threads, onCpu, group }: Surroundings): number {
  const { processes, batch } = recipe
  const { contrasts = false } = objectiveOf(recipe)
  if (processes === 'auto') {
    if (!onCpu || group.size > 1 || contrasts) return 1
    const most = threads ?? availableParallelism()
    return Math.max(...divisors(batch, most))
  }
  if (batch % processes !== 0)
    throw new UserError(
      `recipe field processes is ${processes}, which does not divide the batch of ${batch}; choose one of ${divisors(batch, processes).join(', ')}, or "auto"`,
    )
  if (processes > 1 && group.size > 1)
    throw new UserError(`recipe field processes is ${processes}, but MPI has started ${group.size}; leave it out`)
  if (processes > 1 && contrasts)
    throw new UserError(
      `recipe field processes is ${processes}, but ${recipe.objective} holds each sample against all others of its batch; leave it out`,
    )
  return processes
}

/** A recipe whose number of processes is known. */
export type SharedRecipe = Recipe & { readonly processes: number }

/** The recipe of one of the processes that share a recipe's batches. */
export function shareOf(recipe: SharedRecipe): Recipe {
  return { ...recipe, batch: recipe.batch / recipe.processes }
}

/** Divisors up to `most`. */
function divisors(n: number, most: number): number[] {
  return Array.from({ length: Math.min(n, most) }, (_, i) => i + 1).filter((divisor) => n % divisor === 0)
}
