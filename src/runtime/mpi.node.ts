import { setImmediate, setTimeout } from 'node:timers/promises'
import { UserError } from '../errors.js'
import { type Group } from './group.js'

type Environment = Readonly<Record<string, string | undefined>>

/** A process's place among those that an MPI launcher has started. */
export interface MpiJob {
  readonly group: Group
  /**
   * Number of this process on its machine, and how many there are: which accelerator it takes, and what share of the
   * cores.
   */
  readonly localRank: number
  readonly localSize: number
  /** Ends this process's part when all have done their work. */
  leave(): void
  /** Ends all processes of the job at once, with exit code 1. */
  abort(): void
}

/** Floats that are summed in one call: a bucket of 16 MB. */
const BUCKET = 2 ** 22
const LIBRARIES = ['libmpi.so.40', 'libmpi.so', 'libmpi.40.dylib', 'libmpi.dylib']
/** Open MPI's numbers for MPI_COMM_WORLD, MPI_REAL and MPI_SUM in Fortran, which its C functions turn into handles. */
const [WORLD, REAL, SUM] = [0, 13, 3]
/**
 * One thread at a time may call, whichever it is: calls that wait do so off the event loop, so that signals are heard.
 */
const SERIALIZED = 2
/** How often a waiting process asks at once, before it sleeps a millisecond between. */
const EAGER = 50

/**
 * Joins the job that `mpirun` or `srun --mpi=pmix` has started this process for; undefined where none has. The library
 * of Open MPI (or of another MPI with its symbols) is loaded from where the system finds it, or from SFV_MPI_LIBRARY.
 *
 * @throws UserError when a launcher is at work but its MPI cannot be used.
 */
export async function joinMpi(env: Environment = process.env): Promise<MpiJob | undefined> {
  const launched = Number(env['OMPI_COMM_WORLD_SIZE'] ?? 1) > 1 || env['PMIX_RANK'] !== undefined
  if (!launched && Number(env['PMI_SIZE'] ?? 1) > 1)
    throw new UserError('this MPI launcher is not Open MPI; start with the mpirun of Open MPI, or srun --mpi=pmix')
  if (!launched) return undefined
  const functions = await load(env['SFV_MPI_LIBRARY'])
  const [provided, rank, size] = [new Int32Array(1), new Int32Array(1), new Int32Array(1)]
  functions.init(null, null, SERIALIZED, provided)
  if (provided[0]! < SERIALIZED) throw new UserError('this Open MPI was built without threads; install one with them')
  const world = functions.communicator(WORLD) as unknown
  functions.rank(world, rank)
  functions.size(world, size)
  return {
    group: groupOf(functions, world, rank[0]!, size[0]!),
    localRank: Number(env['OMPI_COMM_WORLD_LOCAL_RANK'] ?? env['SLURM_LOCALID'] ?? 0),
    localSize: Number(env['OMPI_COMM_WORLD_LOCAL_SIZE'] ?? env['SLURM_NTASKS_PER_NODE'] ?? 1),
    leave: () => void functions.finalize(),
    abort: () => void functions.abort(world, 1),
  }
}

/** The MPI library that a job would use, by its name; undefined where none can be loaded. */
export async function findMpiLibrary(env: Environment = process.env): Promise<string | undefined> {
  const { default: koffi } = await import('koffi')
  return namesOf(env['SFV_MPI_LIBRARY']).find((name) => {
    try {
      return Boolean(koffi.load(name, { global: true }))
    } catch {
      return false
    }
  })
}

const namesOf = (path: string | undefined): readonly string[] => (path === undefined ? LIBRARIES : [path])

type Functions = Awaited<ReturnType<typeof load>>

async function load(path: string | undefined) {
  const { default: koffi } = await import('koffi')
  const reasons: string[] = []
  for (const name of namesOf(path))
    try {
      const library = koffi.load(name, { global: true })
      return {
        init: library.func('int MPI_Init_thread(void *, void *, int, void *)'),
        rank: library.func('int MPI_Comm_rank(void *, void *)'),
        size: library.func('int MPI_Comm_size(void *, void *)'),
        finalize: library.func('int MPI_Finalize()'),
        abort: library.func('int MPI_Abort(void *, int)'),
        communicator: library.func('void *MPI_Comm_f2c(int)'),
        type: library.func('void *MPI_Type_f2c(int)'),
        operation: library.func('void *MPI_Op_f2c(int)'),
        allreduce: library.func('int MPI_Allreduce(void *, void *, int, void *, void *, void *)'),
        barrier: library.func('int MPI_Ibarrier(void *, void *)'),
        test: library.func('int MPI_Test(void *, void *, void *)'),
        broadcast: library.func('int MPI_Bcast(void *, int, void *, int, void *)'),
      }
    } catch (error) {
      reasons.push(`${name}: ${(error as Error).message}`)
    }
  throw new UserError(
    `started by an MPI launcher, but Open MPI's library cannot be used (${reasons[0]}); set SFV_MPI_LIBRARY to its libmpi.so`,
  )
}

function groupOf(functions: Functions, world: unknown, rank: number, size: number): Group {
  const [real, sum] = [functions.type(REAL) as unknown, functions.operation(SUM) as unknown]
  const allreduce = offLoop(functions.allreduce.async as Asynchronous)
  const broadcast = offLoop(functions.broadcast.async as Asynchronous)
  const copies: Float32Array[] = []

  /**
   * Waits until all processes have come here. Open MPI waits at full speed, which would take the cores from a process
   * that is still at work on them; asking now and then does not, and leaves the event loop to signals.
   */
  async function meet(): Promise<void> {
    const [request, done] = [new BigUint64Array(1), new Int32Array(1)]
    functions.barrier(world, request)
    for (let asked = 0; ; asked++) {
      functions.test(request, done, null)
      if (done[0]) return
      await (asked < EAGER ? setImmediate() : setTimeout(1))
    }
  }

  return {
    rank,
    size,
    async average(values) {
      await meet()
      let sent = Promise.resolve()
      let turn = 0
      for (const bucket of buckets(values)) {
        const share = (copies[turn] ??= new Float32Array(BUCKET)).subarray(0, bucket.length)
        for (let i = 0; i < bucket.length; i++) share[i] = bucket[i]! / size
        // The next bucket is prepared while this one is under way.
        await sent
        sent = allreduce(share, bucket, bucket.length, real, sum, world)
        turn = 1 - turn
      }
      await sent
    },
    async broadcast(values) {
      await meet()
      for (const bucket of buckets(values)) await broadcast(bucket, bucket.length, real, 0, world)
    },
  }
}

type Asynchronous = (...args: unknown[]) => void

/** A call that waits on a thread of its own. MPI ends the job by itself when one fails. */
function offLoop(call: Asynchronous): (...args: unknown[]) => Promise<void> {
  return (...args) =>
    new Promise((resolve, reject) =>
      call(...args, (error: Error | null) => (error === null ? resolve() : reject(error))),
    )
}

function* buckets(values: Float32Array): Generator<Float32Array> {
  for (let start = 0; start < values.length; start += BUCKET) yield values.subarray(start, start + BUCKET)
}
