import { UserError } from '../../errors.js'
import { type Group } from '../../runtime/group.js'
import { type Learners } from '../objectives/objective.js'

/** Gives every process the state of the first, restored after step `step`; returns that step. */
export async function shareState(group: Group, step: number, learners: Learners): Promise<number> {
  if (group.size === 1) return step
  const list = Object.values(learners)
  const steps = Float32Array.from([step, ...list.map((learner) => learner.step)])
  await group.broadcast(steps)
  if (steps[0]! > 0)
    for (const [i, learner] of list.entries()) {
      learner.step = steps[i + 1]!
      await group.broadcast(learner.parameters)
      await group.broadcast(learner.average)
      for (const { values } of Object.values(learner.slots)) await group.broadcast(values)
    }
  return steps[0]!
}

/** The mean of the processes' metrics, and whether any of them was asked to stop. */
export async function agree(group: Group, metrics: Record<string, number>, stop: boolean) {
  if (group.size === 1) return { metrics, stop }
  const names = Object.keys(metrics)
  const values = Float32Array.from([...names.map((name) => metrics[name]!), Number(stop)])
  await group.average(values)
  return { metrics: Object.fromEntries(names.map((name, i) => [name, values[i]!])), stop: values[names.length]! > 0 }
}

/**
 * Checks that all processes have the very same weights, as they must after the same updates.
 *
 * @throws UserError in a process whose weights differ from the first one's.
 */
export async function checkAlike(group: Group, step: number, learners: Learners): Promise<void> {
  if (group.size === 1) return
  for (const [name, { parameters }] of Object.entries(learners)) {
    const own = checksum(parameters)
    const first = own.slice()
    await group.broadcast(first)
    if (first.some((value, i) => value !== own[i]))
      throw new UserError(
        `step ${step}: the weights of ${name} in process ${group.rank} have drifted from the first one's; run all processes on machines of one kind with one version of sfv`,
      )
  }
}

/** FNV-1a over the words of a vector, in two halves that float32 holds exactly. */
function checksum(values: Float32Array): Float32Array {
  let hash = 0x811c9dc5
  for (const word of new Uint32Array(values.buffer, values.byteOffset, values.length))
    hash = Math.imul(hash ^ word, 0x01000193)
  return Float32Array.of(hash >>> 16, hash & 0xffff)
}
