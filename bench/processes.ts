import { readdirSync, readFileSync } from 'node:fs'

/** Ticks of a second that Linux counts processor time in. */
const TICKS = 100

/** Processor seconds of all that this process started and that runs, so far; Linux alone counts them so. */
export function cpuOfChildren(): number {
  const rows = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => statOf(Number(pid)))
  const family = new Set([process.pid])
  for (let size = 0; size < family.size;) {
    size = family.size
    for (const { pid, parent } of rows) if (family.has(parent)) family.add(pid)
  }
  return rows.reduce((sum, { pid, seconds }) => sum + (pid !== process.pid && family.has(pid) ? seconds : 0), 0)
}

interface Stat {
  readonly pid: number
  readonly parent: number
  readonly seconds: number
}

function statOf(pid: number): Stat[] {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name, in brackets, may hold anything.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return [{ pid, parent: Number(fields[1]), seconds: (Number(fields[11]) + Number(fields[12])) / TICKS }]
  } catch {
    // It has ended since the folder was read.
    return []
  }
}
