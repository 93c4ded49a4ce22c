import { open, type FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import { UserError } from '../../errors.js'
import { fromFloat32, toFloat32 } from '../../weights/convert.js'
import { makeFolder } from '../../runtime/files.node.js'

/** A record that is there. */
const MADE = 1

/**
 * Vectors of one length, each made when it is first asked for and kept on disk in float16: record i at its place in one
 * file, and in another a byte that says whether it is there. Processes that share a pool make the same record twice at
 * worst.
 */
export class VideoPool {
  private constructor(
    private readonly records: FileHandle,
    private readonly flags: FileHandle,
    private readonly length: number,
  ) {}

  /**
   * @param path of the records' file; that of the flags has `.made` behind
   * @param length values of a record
   * @throws UserError when the files cannot be written.
   */
  static async open(path: string, length: number): Promise<VideoPool> {
    try {
      await makeFolder(dirname(path))
      const files = await Promise.all([path, `${path}.made`].map((file) => openOrCreate(file)))
      return new VideoPool(files[0]!, files[1]!, length)
    } catch (error) {
      throw new UserError(`cannot write ${path}: ${(error as Error).message}; choose a folder you may write to`)
    }
  }

  /**
   * Record i, rounded to float16 even when just made: a resumed run must see the very same values.
   *
   * @param make makes the record, from i alone
   */
  async record(i: number, make: () => Promise<Float32Array>): Promise<Float32Array> {
    const bytes = Buffer.alloc(2 * this.length)
    const flag = Buffer.alloc(1)
    await this.flags.read(flag, 0, 1, i)
    if (flag[0] === MADE) {
      await this.records.read(bytes, 0, bytes.length, i * bytes.length)
      return toFloat32('F16', bytes)
    }
    const made = fromFloat32('F16', await make())
    if (made.length !== bytes.length) throw new Error(`record ${i} has ${made.length} bytes, not ${bytes.length}`)
    await this.records.write(made, 0, made.length, i * made.length)
    await this.flags.write(Buffer.of(MADE), 0, 1, i)
    return toFloat32('F16', made)
  }

  /** Closes the files. */
  async close(): Promise<void> {
    await Promise.all([this.records.close(), this.flags.close()])
  }
}

async function openOrCreate(path: string): Promise<FileHandle> {
  // Creates the file where there is none, and keeps what is in it.
  await (await open(path, 'a')).close()
  return open(path, 'r+')
}
