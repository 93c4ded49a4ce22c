import { createHash } from 'node:crypto'
import { constants, createReadStream } from 'node:fs'
import { copyFile, open, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { UserError } from '../errors.js'
import { isPassing } from './hub-fetch.node.js'
import { PartFile } from './part-file.node.js'
import { makeFolder } from '../runtime/files.node.js'

/** What the hub says of a file: its size, and the SHA-256 of a large one, git's name for the content of another. */
export interface RemoteFile {
  readonly size: number
  readonly sha256?: string | undefined
  readonly gitOid?: string | undefined
}

/** How often a connection may break before a byte more has come. */
const BREAKS = 3

/** Bytes of a file; undefined where there is none. */
export async function fileSize(path: string): Promise<number | undefined> {
  return (await stat(path).catch(() => undefined))?.size
}

/** Whether a file is there and is what the hub says: of its size, and of its content where the hub tells that. */
export async function isIntact(path: string, file: RemoteFile): Promise<boolean> {
  const isThere = (await fileSize(path)) === file.size
  return isThere && hasContent(piecesOf(path), file)
}

/** The bytes of a file, which is opened when the first are asked for. */
async function* piecesOf(path: string): AsyncGenerator<unknown> {
  yield* createReadStream(path, { highWaterMark: 2 ** 22 })
}

/** Whether bytes are the content of a file; those of a file that the hub tells no more of than its size are. */
export async function hasContent(
  pieces: AsyncIterable<unknown> | Iterable<unknown>,
  { size, sha256, gitOid }: RemoteFile,
): Promise<boolean> {
  const isGitOid = gitOid !== undefined && /^[0-9a-f]{40}$/.test(gitOid)
  const expected = sha256 ?? (isGitOid ? gitOid : undefined)
  if (expected === undefined) return true
  const hash = createHash(sha256 === undefined ? 'sha1' : 'sha256')
  // Git names content by the SHA-1 of its size and itself.
  if (sha256 === undefined) hash.update(`blob ${size}\0`)
  for await (const bytes of pieces) hash.update(bytes as Uint8Array)
  return hash.digest('hex') === expected
}

/**
 * Fetches a file, or what is missing of it, checks it, and gives it its name. Several processes may fetch one file:
 * each writes a part of its own (`PartFile`).
 *
 * @param get asks for the bytes from one on; a server may answer with all of them
 * @param report is told how many bytes are there
 * @returns how many bytes came.
 * @throws UserError when the connection ends for good, or what came is not what the hub says.
 */
export async function download(
  get: (from: number) => Promise<Response>,
  target: string,
  file: RemoteFile,
  report: (bytes: number) => void,
): Promise<number> {
  await makeFolder(dirname(target))
  const part = await PartFile.claim(target)
  let came = 0
  // What was there may be of another revision, or broken: then all of it is fetched, once.
  for (const anew of [false, true]) {
    const before = (await fileSize(part.path)) ?? 0
    if (anew || before > file.size) await part.remove()
    try {
      came += await fill(get, part.path, target, file.size, report)
    } catch (error) {
      await part.leave()
      throw error
    }
    if (await isIntact(part.path, file)) {
      await part.finish()
      return came
    }
    if (before === 0) break
  }
  await part.remove()
  throw new UserError(`${target}: what came is damaged (its checksum is not the hub's); pull again`)
}

/** Copies a file to a place where nobody sees half of it. */
export async function copyInto(source: string, target: string): Promise<void> {
  await makeFolder(dirname(target))
  const part = await PartFile.claim(target)
  // Where the disk can, both share their bytes until one is changed.
  await copyFile(source, part.path, constants.COPYFILE_FICLONE).catch(async (error: unknown) => {
    await part.remove()
    throw error
  })
  await part.finish()
}

/** Writes what is missing of a file of `size` bytes; returns how many bytes came. */
async function fill(
  get: (from: number) => Promise<Response>,
  part: string,
  target: string,
  size: number,
  report: (bytes: number) => void,
): Promise<number> {
  const file = await open(part, constants.O_RDWR | constants.O_CREAT)
  let came = 0
  try {
    let there = (await file.stat()).size
    for (let breaks = 0; there < size;) {
      const before = there
      try {
        const response = await get(there)
        // Without ranges all bytes come again.
        if (response.status !== 206) there = 0
        for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
          const bytes = chunk.subarray(0, size - there)
          await file.write(bytes, 0, bytes.length, there)
          there += bytes.length
          came += bytes.length
          report(there)
          if (bytes.length < chunk.length) break
        }
      } catch (error) {
        if (!isPassing(error)) throw error
      }
      breaks = there > before ? 0 : breaks + 1
      if (breaks === BREAKS)
        throw new UserError(`${target}: the connection ended after ${there} of ${size} bytes; pull again to go on`)
    }
    await file.sync()
  } finally {
    await file.close()
  }
  return came
}
