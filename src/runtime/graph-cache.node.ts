import { createHash, randomBytes } from 'node:crypto'
import { open, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { arch, cpus } from 'node:os'
import { join, resolve } from 'node:path'
import { env, InferenceSession } from 'onnxruntime-node'
import type { LoweredGraph } from './program.js'
import { whileUnfinished } from './unfinished.node.js'
import { makeFolder } from './files.node.js'

type SessionOptions = InferenceSession.SessionOptions

/** Part of every key: raise it when entries of older versions must no longer be read. */
const FORMAT = 1
const LARGEST_TOTAL = 2 ** 30
const LARGEST_WEIGHTS = 2 ** 28
/**
 * Session entries without the passes that make something of weights before they are used: float32 copies of them (the
 * first two), copies in the order of a vector's channels, and a node for both halves of a weight, by which it would be
 * converted too early (`weightsFirst` of graph/lean.ts).
 */
export const WEIGHTS_AS_STORED = {
  optimization: {
    disable_specified_optimizers:
      'ConstantFolding;FuseFp16InitializerToFp32NodeTransformer;NchwcTransformer;GatherSliceToSplitFusion',
  },
}
const SUFFIX = '.onnx'
const HASH_BYTES = 32
/** Ending of a file that is being written. */
const PART = '.part'
const DAY_MS = 86_400_000

/** How much a cache may hold. */
export interface GraphCacheLimits {
  /** Bytes of all entries together; those that were not used for longest go first. Default: 1 GiB. */
  readonly largestTotal?: number
  /**
   * Bytes of checkpoint files up to which an entry holds the weights that were rearranged for the processor:
   * half-precision ones as single, convolutions' in blocks. Beyond, weights stay in their files, and an entry is the
   * graph alone. Default: 256 MiB.
   */
  readonly largestWeights?: number
}

/**
 * Graphs as ONNX Runtime has optimised them, on disk, so that the next process neither optimises again nor runs slower
 * without. An entry is found by all that it depends on: graph, checkpoint files, version, processor. It ends with the
 * SHA-256 of what comes before; one that is damaged is made again. A folder that cannot be written costs speed alone.
 */
export class GraphCache {
  readonly #largestTotal: number
  readonly #largestWeights: number

  /** @param folder made when the first entry is written */
  constructor(
    readonly folder: string,
    { largestTotal = LARGEST_TOTAL, largestWeights = LARGEST_WEIGHTS }: GraphCacheLimits = {},
  ) {
    this.#largestTotal = largestTotal
    this.#largestWeights = largestWeights
  }

  /**
   * Opens a graph for the CPU by its entry, or optimises it and writes one.
   *
   * @param options how to open it; the folder of its checkpoint files is in `extra`, levels are the cache's to choose
   */
  async open(graph: LoweredGraph, options: SessionOptions): Promise<InferenceSession> {
    const large = (await filesOf(graph)).reduce((sum, { size }) => sum + size, 0n) > this.#largestWeights
    const entry = join(this.folder, `${await keyOf(graph)}${SUFFIX}`)
    const known = await this.#read(entry)
    if (known) {
      try {
        return await InferenceSession.create(known, { ...options, graphOptimizationLevel: 'disabled' })
      } catch {
        await rm(entry, { force: true }).catch(() => undefined)
      }
    }
    return this.#make(graph, options, entry, large)
  }

  /** What is in an entry, if it is whole. */
  async #read(entry: string): Promise<Uint8Array | undefined> {
    const bytes = await readFile(entry).catch(() => undefined)
    if (!bytes || bytes.length < HASH_BYTES) return undefined
    const content = bytes.subarray(0, -HASH_BYTES)
    if (!sha256(content).equals(bytes.subarray(-HASH_BYTES))) return undefined
    const now = new Date()
    await utimes(entry, now, now).catch(() => undefined)
    return content
  }

  async #make(graph: LoweredGraph, options: SessionOptions, entry: string, large: boolean): Promise<InferenceSession> {
    const extra = { ...options.extra, ...(large ? WEIGHTS_AS_STORED : {}) }
    const optimized: SessionOptions = { ...options, graphOptimizationLevel: 'all', extra }
    const part = join(this.folder, `.${process.pid}.${randomBytes(6).toString('hex')}${PART}`)
    return whileUnfinished(part, () => this.#write(graph, optimized, part, entry))
  }

  /** Optimises the graph into `part`, which becomes the entry. */
  async #write(graph: LoweredGraph, optimized: SessionOptions, part: string, entry: string): Promise<InferenceSession> {
    // Optimising takes long: whether the entry can be written is found out before.
    const writable = await makeFolder(this.folder)
      .then(() => writeFile(part, '', { flag: 'wx' }))
      .then(
        () => true,
        () => false,
      )
    if (!writable) return InferenceSession.create(graph.model, optimized)
    try {
      // What fails with a copy on disk may be the disk's fault: without one, the true reason shows, if there is one.
      const session = await InferenceSession.create(graph.model, { ...optimized, optimizedModelFilePath: part }).catch(
        () => undefined,
      )
      if (!session) return await InferenceSession.create(graph.model, optimized)
      await seal(part, entry).catch(() => undefined)
      return session
    } finally {
      await rm(part, { force: true }).catch(() => undefined)
      await this.#prune().catch(() => undefined)
    }
  }

  /**
   * Removes what ended processes left, and the entries that were not used for longest until the rest is small enough.
   */
  async #prune(): Promise<void> {
    let total = 0
    for (const { path, size, leftOver } of await cachedGraphs(this.folder)) {
      if (!leftOver) total += size
      if (leftOver || total > this.#largestTotal) await rm(path, { force: true }).catch(() => undefined)
    }
  }
}

/**
 * The entries in a folder of graphs, those used last first: bytes, and whether it is a part that nobody writes any
 * more.
 */
export async function cachedGraphs(folder: string) {
  const names = (await readdir(folder)).filter((name) => name.endsWith(SUFFIX) || name.endsWith(PART))
  const entries = names.map(async (name) => {
    const path = join(folder, name)
    // Another process may have removed it since.
    const found = await stat(path).catch(() => undefined)
    if (!found) return []
    const { size, mtimeMs } = found
    return [{ path, size, mtimeMs, leftOver: name.endsWith(PART) && isLeftOver(name, mtimeMs) }]
  })
  return (await Promise.all(entries)).flat().sort((a, b) => b.mtimeMs - a.mtimeMs)
}

/** Whether nobody writes a part file any more: its process has ended, or it is older than a day. */
function isLeftOver(name: string, mtimeMs: number): boolean {
  if (Date.now() - mtimeMs > DAY_MS) return true
  const pid = Number(name.split('.')[1])
  // Older versions named no process.
  if (!Number.isInteger(pid)) return false
  try {
    process.kill(pid, 0)
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest()

/** Ends a written graph with its hash and gives it its name. */
async function seal(part: string, entry: string): Promise<void> {
  const hash = sha256(await readFile(part))
  const file = await open(part, 'a')
  try {
    await file.write(hash)
  } finally {
    await file.close()
  }
  await rename(part, entry)
}

/** The checkpoint files as the system knows them: another size, time or inode is another content. */
function filesOf({ files }: LoweredGraph) {
  return Promise.all(
    files.map(async (file) => {
      const path = resolve(file)
      const { size, ino, mtimeNs, ctimeNs } = await stat(path, { bigint: true })
      return { path, size, ino, mtimeNs, ctimeNs }
    }),
  )
}

async function keyOf(graph: LoweredGraph): Promise<string> {
  const files = (await filesOf(graph)).map((file) => Object.values(file).join(' '))
  const parts = [`${FORMAT}`, env.versions.node ?? env.versions.common, process.platform, arch(), await processor()]
  return createHash('sha256')
    .update(JSON.stringify([...parts, ...files]))
    .update(graph.model)
    .digest('hex')
    .slice(0, 40)
}

/** The processor's model and, where the system lists them, its instruction sets: weights are laid out for both. */
async function processor(): Promise<string> {
  const info = process.platform === 'linux' ? await readFile('/proc/cpuinfo', 'utf8').catch(() => '') : ''
  return `${cpus()[0]?.model ?? ''} ${/^(flags|Features)\s*:.*$/m.exec(info)?.[0] ?? ''}`
}
