import { createHash, randomBytes } from 'node:crypto'
import { readdir, rename, rm, stat } from 'node:fs/promises'
import { hostname } from 'node:os'
import { basename, dirname, join } from 'node:path'

const PART = '.part'

/** This machine in the names of parts, which may lie on a disk that several share. */
const HOST = createHash('sha256').update(hostname()).digest('hex').slice(0, 6)

/** Milliseconds after which nobody writes a part any more: a connection that says nothing ends after a third of it. */
const LONGEST_PAUSE = 15 * 60_000

/** Whether a file is a part of one with the ending `.safetensors`. */
export function isPartOfWeights(name: string): boolean {
  return /\.safetensors(\.\w+-\d+-\w+)?\.part$/.test(name)
}

/**
 * A file that is not whole yet, `NAME.part` beside its place. While a process writes it, it has the name of that
 * process, so that no other writes into it; what a process has left goes to the next that wants it.
 */
export class PartFile {
  private constructor(
    private readonly target: string,
    /** Where to write. There may be bytes of an earlier try. */
    readonly path: string,
  ) {}

  /** A part of one's own for a file, with what an ended process has left of it. */
  static async claim(target: string): Promise<PartFile> {
    const path = `${target}.${HOST}-${process.pid}-${randomBytes(3).toString('hex')}${PART}`
    for (const left of await leftParts(target))
      // Of several processes one gets it.
      if (await rename(left, path).then(yes, no)) break
    return new PartFile(target, path)
  }

  /** Gives the file its name, and removes what other tries have left. */
  async finish(): Promise<void> {
    await rename(this.path, this.target)
    for (const left of await leftParts(this.target)) await rm(left, { force: true })
  }

  /** Leaves what is there to the next try. */
  async leave(): Promise<void> {
    await rename(this.path, this.target + PART).catch(() => undefined)
  }

  async remove(): Promise<void> {
    await rm(this.path, { force: true })
  }
}

/** Bytes that are there of a file that is not whole, by the part that the next process would take. */
export async function leftBytes(target: string): Promise<number> {
  const [left] = await leftParts(target)
  return left === undefined ? 0 : ((await stat(left).catch(() => undefined))?.size ?? 0)
}

const yes = () => true
const no = () => false

/** Parts of a file that no process writes any more: of ended processes, or such that have not grown for long. */
async function leftParts(target: string): Promise<string[]> {
  const names = await readdir(dirname(target)).catch(() => [])
  const own = `${basename(target)}.`
  const parts = names.filter((name) => name.startsWith(own) && name.endsWith(PART)).sort()
  const left = parts.map(async (name) => {
    const path = join(dirname(target), name)
    if (path === target + PART) return [path]
    const [, host, pid] = /^(\w+)-(\d+)-\w+\.part$/.exec(name.slice(own.length)) ?? []
    if (host === undefined) return []
    // Another machine's processes cannot be asked, and a container's number may be another process by now.
    const found = await stat(path).catch(() => undefined)
    const isOld = found !== undefined && Date.now() - found.mtimeMs > LONGEST_PAUSE
    return isOld || (host === HOST && !isAlive(Number(pid))) ? [path] : []
  })
  return (await Promise.all(left)).flat()
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
