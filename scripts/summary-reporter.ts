import { writeSync } from 'node:fs'
import type { Reporter, TestModule, TestRunEndReason } from 'vitest/node'

/** How a run went. A file that does not load or a broken hook counts as one failed test each. */
export interface Tally {
  passed: number
  failed: number
  skipped: number
}

/** The one line that tools read: `3 passed, 0 failed` or `3 passed, 1 failed, 2 skipped`. */
export function summaryLine({ passed, failed, skipped }: Tally): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`
}

/**
 * Prints the summary line as the very last of the output, whether tests failed or not. It waits for the process to
 * exit, because vitest itself prints after its reporters have run.
 */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[], reason: TestRunEndReason): void {
    const tally: Tally = { passed: 0, failed: unhandledErrors.length, skipped: 0 }
    for (const module of modules) {
      tally.failed += module.errors().length
      for (const suite of module.children.allSuites()) tally.failed += suite.errors().length
      for (const test of module.children.allTests()) {
        const { state } = test.result()
        tally[state === 'pending' ? 'skipped' : state] += 1
      }
    }
    if (reason !== 'passed' && tally.failed === 0) tally.failed = 1
    process.once('exit', () => {
      if (tally.failed > 0) process.exitCode = 1
      writeSync(1, `${summaryLine(tally)}\n`)
    })
  }
}
