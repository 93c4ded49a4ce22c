import { open, readdir, realpath, stat } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { UserError } from '../errors.js'
import { Checkpoint } from '../weights/checkpoint.node.js'
import { readJsonFile } from '../weights/diffusers.node.js'
import { isSingleFile } from '../weights/model-folder.node.js'
import { parseSafetensorsHeader, safetensorsPrefixLength } from '../weights/safetensors.js'
import { unreadable } from '../weights/weight-files.js'

/** What one checkpoint holds. */
export interface CheckpointInfo {
  /** Relative to the folder that was asked about. */
  readonly file: string
  /** The class that the configuration beside it names; `single-file checkpoint` for one of a whole model. */
  readonly className?: string
  readonly tensors: number
  readonly parameters: number
  readonly dtypes: readonly string[]
  /** Bytes of its tensors. */
  readonly bytes: number
  /** What its writer noted in it. */
  readonly metadata: Readonly<Record<string, string>>
}

const CHECKPOINT = /\.safetensors(\.index(\.\w+)?\.json)?$/
const SHARD = /-\d+-of-\d+(\.\w+)?\.safetensors$/

/**
 * Describes a checkpoint, or every checkpoint in a folder and the folders in it.
 *
 * @throws UserError when there is none, or one is malformed.
 */
export async function inspect(path: string): Promise<CheckpointInfo[]> {
  const found = await stat(path).catch(() => undefined)
  if (!found) throw new UserError(`there is no ${path}; give a .safetensors file or a folder with some`)
  if (!found.isDirectory()) return [await inspectCheckpoint(path, dirname(path))]
  const names = (await filesIn(path, '')).filter((name) => CHECKPOINT.test(name) && !SHARD.test(name))
  if (names.length === 0)
    throw new UserError(`${path} holds no .safetensors file; give a model folder or a training run`)
  return Promise.all(names.sort().map((name) => inspectCheckpoint(join(path, name), path)))
}

/** Paths of all files below a folder, relative to it; links are followed, but not into a folder that is around them. */
async function filesIn(root: string, folder: string, around: readonly string[] = []): Promise<string[]> {
  const here = await realpath(join(root, folder))
  if (around.includes(here)) return []
  const files = (await readdir(here)).sort().map(async (name) => {
    const path = join(folder, name)
    const found = await stat(join(root, path)).catch(() => undefined)
    if (found?.isDirectory()) return filesIn(root, path, [...around, here])
    return found ? [path] : []
  })
  return (await Promise.all(files)).flat()
}

async function inspectCheckpoint(path: string, folder: string): Promise<CheckpointInfo> {
  const error = unreadable(path)
  if (error) throw error
  const { tensors } = await Checkpoint.open(path)
  const list = [...tensors.values()]
  const className = isSingleFile(tensors.keys()) ? 'single-file checkpoint' : await classOf(dirname(path))
  const metadata = await Promise.all([...new Set(list.map(({ file }) => file))].map(readMetadata))
  return {
    file: relative(folder, path),
    ...(className === undefined ? {} : { className }),
    tensors: list.length,
    parameters: list.reduce((sum, { shape }) => sum + shape.reduce((product, n) => product * n, 1), 0),
    dtypes: [...new Set(list.map(({ dtype }) => dtype))].sort(),
    bytes: list.reduce((sum, { byteLength }) => sum + byteLength, 0),
    metadata: Object.assign({}, ...metadata) as Record<string, string>,
  }
}

/** The class that a folder's config.json names: diffusers' `_class_name`, or transformers' first architecture. */
async function classOf(folder: string): Promise<string | undefined> {
  const config = await readJsonFile(join(folder, 'config.json')).catch(() => undefined)
  const { _class_name: name, architectures } = config ?? {}
  const first: unknown = name ?? (Array.isArray(architectures) ? (architectures as unknown[])[0] : undefined)
  return typeof first === 'string' ? first : undefined
}

async function readMetadata(file: string): Promise<Readonly<Record<string, string>>> {
  const handle = await open(file)
  try {
    const { size } = await handle.stat()
    const start = await handle.read(new Uint8Array(8), 0, 8, 0)
    const prefix = new Uint8Array(safetensorsPrefixLength(start.buffer, size, file))
    await handle.read(prefix, 0, prefix.length, 0)
    return parseSafetensorsHeader(prefix, size, file).metadata
  } finally {
    await handle.close()
  }
}
