import { open, readdir, readFile, stat, type FileHandle } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { UserError } from '../errors.js'
import type { StoredDType } from './convert.js'
import { isJsonObject, parseJsonObject, quote } from './json.js'
import { parseSafetensorsHeader, safetensorsPrefixLength } from './safetensors.js'

/** A tensor that lies in a file: `byteLength` bytes, row-major and little-endian, `offset` bytes from its start. */
export interface StoredTensor {
  readonly name: string
  readonly dtype: StoredDType
  readonly shape: readonly number[]
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

/** Weight files of a component folder: diffusers' name and transformers' name. */
const STEMS = ['diffusion_pytorch_model', 'model']

const INDEX_FILE = /\.safetensors\.index(\.\w+)?\.json$/

/**
 * Reads the headers of a checkpoint: of a .safetensors file, of all shards of an index file, or of the weights in a
 * component's folder, where full precision wins unless `variant` asks for another file.
 *
 * @throws UserError when there is no checkpoint, a header is malformed, or the index and its shards disagree.
 */
export async function readCheckpointHeaders(path: string, variant?: Variant): Promise<CheckpointHeaders> {
  const file = (await isFolder(path)) ? await findWeights(path, variant) : path
  return INDEX_FILE.test(file) ? { tensors: await readShardHeaders(file), metadata: {} } : readFileHeader(file)
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
  const full = STEMS.flatMap((stem) => [`${stem}.safetensors`, `${stem}.safetensors.index.json`])
  const half = STEMS.flatMap((stem) => [`${stem}.fp16.safetensors`, `${stem}.safetensors.index.fp16.json`])
  const candidates = variant === 'fp16' ? half : [...full, ...half]
  const found = candidates.find((name) => present.includes(name))
  if (found !== undefined) return join(folder, found)
  const part = present.find((name) => name.endsWith('.safetensors.part'))
  if (part !== undefined)
    throw new UserError(`${join(folder, part)} is a download that was broken off; run sfv pull again to finish it`)
  throw new UserError(`${folder} holds no weights; it should have one of ${candidates.slice(0, 4).join(', ')}`)
}

/** Reads the header of one file, and nothing of its data. */
async function readFileHeader(file: string): Promise<CheckpointHeaders> {
  const handle = await open(file).catch((error: unknown) => {
    throw cannotRead(file, error)
  })
  try {
    const { size } = await handle.stat()
    const prefixLength = safetensorsPrefixLength(await readBytes(handle, file, 0, Math.min(8, size)), size, file)
    const prefix = await readBytes(handle, file, 0, prefixLength)
    const { tensors, metadata } = parseSafetensorsHeader(prefix, size, file)
    return { tensors: new Map([...tensors].map(([name, tensor]) => [name, { ...tensor, file }])), metadata }
  } finally {
    await handle.close()
  }
}

async function readShardHeaders(indexFile: string): Promise<Map<string, StoredTensor>> {
  const bytes = await readFile(indexFile).catch((error: unknown) => {
    throw cannotRead(indexFile, error)
  })
  const shardOf = readWeightMap(bytes, indexFile)
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

/** The `weight_map` of an index file: tensor name to the name of a file beside it. */
function readWeightMap(bytes: Uint8Array, indexFile: string): Map<string, string> {
  const map = parseJsonObject(bytes, indexFile)['weight_map']
  if (!isJsonObject(map) || Object.keys(map).length === 0) {
    throw new UserError(`${indexFile}: field weight_map is not an object of tensor names; download the file again`)
  }
  return new Map(
    Object.entries(map).map(([name, shard]) => {
      const beside = typeof shard === 'string' && basename(shard) === shard && shard.endsWith('.safetensors')
      if (beside) return [name, shard]
      throw new UserError(
        `${indexFile}: field weight_map.${name} is not the name of a .safetensors file beside it; download the file again`,
      )
    }),
  )
}

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
