/** One row of a printed table. */
export type Row = Readonly<Record<string, string>>

/** What a bench found: a table, and what it says of the bars. */
export interface BenchResult {
  readonly title: string
  readonly rows: readonly Row[]
  readonly notes?: readonly string[]
}

/** The middle of a list of numbers. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/**
 * Median seconds of each candidate over `rounds`, the candidates taking turns, so that a machine whose speed drifts
 * slows all of them. One round to warm up is not counted.
 */
export async function interleaved(
  candidates: Readonly<Record<string, () => Promise<unknown>>>,
  rounds: number,
): Promise<Record<string, number>> {
  const times = new Map(Object.keys(candidates).map((name) => [name, [] as number[]]))
  for (let round = 0; round <= rounds; round++)
    for (const [name, run] of Object.entries(candidates)) {
      const before = performance.now()
      await run()
      if (round > 0) times.get(name)!.push((performance.now() - before) / 1000)
    }
  return Object.fromEntries([...times].map(([name, list]) => [name, median(list)]))
}

/** Milliseconds with a sensible number of digits. */
export const milliseconds = (seconds: number): string => (seconds * 1000).toPrecision(3)

/** A ratio with two decimals. */
export const ratio = (a: number, b: number): string => (a / b).toFixed(2)

/** Numbers that differ, so that nothing is skipped as zero. */
export function values(size: number): Float32Array {
  return Float32Array.from({ length: size }, (_, i) => Math.sin(i * 12.9898) * 0.5)
}
