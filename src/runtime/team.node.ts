import { UserError } from '../errors.js'
import { type Group } from './group.js'
import { startThread } from './thread.node.js'

/** Floats that are averaged between two meetings: a bucket of 4 MB. */
const BUCKET = 2 ** 20

/** Words that the members of a team wait on. */
const [ARRIVED, MEETING, BROKEN] = [0, 1, 2]

/** Why a member of a team cannot go on: another one has failed. */
export class AbandonedError extends Error {
  override readonly name = 'AbandonedError'
}

/** The memory that the threads of a team share; it can be sent to them. */
export interface TeamMemory {
  readonly size: number
  readonly words: Int32Array<SharedArrayBuffer>
  /** Two buckets of each member, taken in turn. */
  readonly buckets: Float32Array<SharedArrayBuffer>
}

/** Memory for a team of `size` threads. */
function teamMemory(size: number): TeamMemory {
  return {
    size,
    words: new Int32Array(new SharedArrayBuffer(4 * 3)),
    buckets: new Float32Array(new SharedArrayBuffer(4 * 2 * size * BUCKET)),
  }
}

/** A member of a team of threads that work together over shared memory, as MPI's processes do over a network. */
export function teamGroup({ size, words, buckets }: TeamMemory, rank: number): Group {
  let turn = 0
  const bucketOf = (member: number, length: number) => {
    const start = (turn * size + member) * BUCKET
    return buckets.subarray(start, start + length)
  }

  async function meet(): Promise<void> {
    const meeting = Atomics.load(words, MEETING)
    if (Atomics.add(words, ARRIVED, 1) === size - 1) {
      Atomics.store(words, ARRIVED, 0)
      Atomics.add(words, MEETING, 1)
      Atomics.notify(words, MEETING)
    } else
      // Asking leaves the event loop to signals. Who comes after the team was broken finds nobody to wait for.
      while (Atomics.load(words, MEETING) === meeting && Atomics.load(words, BROKEN) === 0)
        await Atomics.waitAsync(words, MEETING, meeting).value
    if (Atomics.load(words, BROKEN) > 0) throw new AbandonedError('another thread of the team has failed')
  }

  /** Hands each piece of `values` to `work` when all members have put theirs into their buckets. */
  async function inBuckets(
    values: Float32Array,
    members: readonly number[],
    work: (piece: Float32Array, of: readonly Float32Array[]) => void,
  ) {
    for (let start = 0; start < values.length; start += BUCKET) {
      const piece = values.subarray(start, start + BUCKET)
      if (members.includes(rank)) bucketOf(rank, piece.length).set(piece)
      await meet()
      work(
        piece,
        members.map((member) => bucketOf(member, piece.length)),
      )
      // Nobody can be two meetings ahead, so the buckets of the last turn are read by nobody now.
      turn = 1 - turn
    }
  }

  const everyone = Array.from({ length: size }, (_, member) => member)
  return {
    rank,
    size,
    average: (values) => inBuckets(values, everyone, mean),
    broadcast: (values) => inBuckets(values, [0], (piece, [first]) => piece.set(first!)),
  }
}

/** What the members of a team do. */
export interface TeamWork {
  /** What this thread does, as the first member. */
  readonly first: (group: Group) => Promise<void>
  /** The module that answers `part` in the others' threads, and what it is asked beside `memory` and `rank`. */
  readonly module: string
  readonly request: object
}

/**
 * Does work that a team of `size` threads shares, this one and others that are started for it.
 *
 * @throws what the first member that failed by itself threw, with what the others have to say of it.
 */
export async function inTeam(size: number, { first, module, request }: TeamWork): Promise<void> {
  const memory = teamMemory(size)
  const threads = Array.from({ length: size - 1 }, () => startThread(module))
  const parts = [
    first(teamGroup(memory, 0)),
    ...threads.map((thread, i) => thread.call<void>('part', { ...request, memory, rank: i + 1 })),
  ].map((part) =>
    part.catch((error: Error) => {
      breakTeam(memory)
      throw error
    }),
  )
  const ends = await Promise.allSettled(parts)
  for (const thread of threads) thread.terminate()
  const failures = ends.flatMap((end, rank) =>
    end.status === 'rejected' && (end.reason as Error).name !== 'AbandonedError'
      ? [{ rank, error: end.reason as Error }]
      : [],
  )
  const [failed, ...others] = failures
  if (!failed) return
  if (others.length === 0 || !(failed.error instanceof UserError)) throw failed.error
  throw new UserError(
    [failed.error.message, ...others.map(({ rank, error }) => `process ${rank}: ${error.message}`)].join('; '),
  )
}

/** Lets all members fail at their next meeting. */
function breakTeam({ words }: TeamMemory): void {
  Atomics.store(words, BROKEN, 1)
  Atomics.add(words, MEETING, 1)
  Atomics.notify(words, MEETING)
}

/** Sums in the order of the members, so that all get the same bits. */
function mean(piece: Float32Array, of: readonly Float32Array[]): void {
  for (let i = 0; i < piece.length; i++) {
    let sum = 0
    for (const bucket of of) sum += bucket[i]!
    piece[i] = sum / of.length
  }
}
