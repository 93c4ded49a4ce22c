import { open, readdir, readFile, realpath, stat, type FileHandle } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { UserError } from '../errors.js'
import type { StoredDType } from './convert.js'
import { quote } from './json.js'
import { isPartOfWeights } from './part-file.node.js'
import { parseSafetensorsHeader, safetensorsPrefixLength } from './safetensors.js'
import { unwrapNames } from './tensor-names.js'
import { foreignFormat, isIndexFile, noWeights, parseWeightMap, WEIGHT_FILES } from './weight-files.js'

/** A tensor that lies in a file: `byteLength` bytes, row-major and little-endian, `offset` bytes from its start. */
export interface StoredTensor {
  readonly name: string
  readonly dtype: StoredDType
  readonly shape: readonly number[]
  /**
   * Where symbolic links are followed to their end: ONNX Runtime opens no file through a link that leaves its folder.
   */
  readonly file: string
  readonly offset: number
  readonly byteLength: number
}

/** What the headers of a checkpoint say: its tensors by name, and the `__metadata__` of one that is a single file. */
export interface CheckpointHeaders {
  readonly tensors: ReadonlyMap<string, StoredTensor>
  readonly metadata: Readonly<Record<string, string>>
}

/** A half-precision copy of the weights that lies beside the full-precision ones. */
export type Variant = 'fp16'

/**
 * Reads the headers of a checkpoint: of a .safetensors file, of all shards of an index file, or of the weights in a
 * component's folder, where full precision wins unless `variant` asks for another file. Names are those of the network
 * itself, without what wrappers of PyTorch add.
 *
 * @throws UserError when there is no checkpoint, a header is malformed, or the index and its shards disagree.
 */
export async function readCheckpointHeaders(path: string, variant?: Variant): Promise<CheckpointHeaders> {
  const file = (await isFolder(path)) ? await findWeights(path, variant) : path
  if (isIndexFile(file)) return { tensors: unwrapNames(await readShardHeaders(file)), metadata: {} }
  const { tensors, metadata } = await readFileHeader(file)
  return { tensors: unwrapNames(tensors), metadata }
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch (error) {
    throw cannotRead(path, error)
  }
}

/** The weight file, or the index of shards, of a component's folder. */
async function findWeights(folder: string, variant?: Variant): Promise<string> {
  const present = await readdir(folder).catch((error: unknown) => {
    throw cannotRead(folder, error)
  })
  const candidates = variant === 'fp16' ? WEIGHT_FILES.fp16 : WEIGHT_FILES.full
  const found = candidates.find((name) => present.includes(name))
  if (found !== undefined) return join(folder, found)
  const part = present.find(isPartOfWeights)
  if (part !== undefined)
    throw new UserError(`${join(folder, part)} is a download that was broken off; run sfv pull again to finish it`)
  throw noWeights(folder, present, candidates)
}

/** Reads the header of one file, and nothing of its data. */
async function readFileHeader(file: string): Promise<CheckpointHeaders> {
  const handle = await open(file).catch((error: unknown) => {
    throw cannotRead(file, error)
  })
  try {
    const { size } = await handle.stat()
    const start = await readBytes(handle, file, 0, Math.min(8, size))
    const foreign = foreignFormat(start)
    if (foreign !== undefined) throw new UserError(`${file} is ${foreign}`)
    const prefix = await readBytes(handle, file, 0, safetensorsPrefixLength(start, size, file))
    const { tensors, metadata } = parseSafetensorsHeader(prefix, size, file)
    const real = await realpath(file)
    return { tensors: new Map([...tensors].map(([name, tensor]) => [name, { ...tensor, file: real }])), metadata }
  } finally {
    await handle.close()
  }
}

async function readShardHeaders(indexFile: string): Promise<Map<string, StoredTensor>> {
  const bytes = await readFile(indexFile).catch((error: unknown) => {
    throw cannotRead(indexFile, error)
  })
  const shardOf = parseWeightMap(bytes, indexFile)
  const tensors = new Map<string, StoredTensor>()
  for (const shard of new Set(shardOf.values())) {
    for (const [name, tensor] of (await readFileHeader(join(dirname(indexFile), shard))).tensors) {
      if (shardOf.get(name) !== shard) {
        throw new UserError(`${indexFile} does not place tensor ${quote(name)} in ${shard}, which holds it; ${MIXED}`)
      }
      tensors.set(name, tensor)
    }
  }
  for (const [name, shard] of shardOf) {
    if (tensors.has(name)) continue
    throw new UserError(`${indexFile} places tensor ${quote(name)} in ${shard}, which does not hold it; ${MIXED}`)
  }
  return tensors
}

const MIXED = 'use the index and the shards of one download'

/**
 * Reads exactly `length` bytes, into a buffer of their own.
 *
 * @throws UserError when the file ends before, or cannot be read.
 */
export async function readBytes(
  handle: FileHandle,
  file: string,
  offset: number,
  length: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length)
  for (let done = 0; done < length;) {
    const { bytesRead } = await handle
      .read(bytes, done, Math.min(length - done, LARGEST_READ), offset + done)
      .catch((error: unknown) => {
        throw cannotRead(file, error)
      })
    if (bytesRead === 0) throw new UserError(`${file} ends before byte ${offset + length}; download or export it again`)
    done += bytesRead
  }
  return bytes
}

/** Systems read at most 2 GiB - 4 KiB at once. */
const LARGEST_READ = 2 ** 30

/** The error of a path that cannot be read. */
export function cannotRead(path: string, error: unknown): UserError {
  const { code, message } = error as NodeJS.ErrnoException
  const reason = code === 'ENOENT' ? 'there is no such file or folder' : message
  return new UserError(`cannot read ${path}: ${reason}; check the path`)
}
