import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { summaryLine } from '../../scripts/summary-reporter.js'

const root = fileURLToPath(new URL('../..', import.meta.url))

describe('summary line', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'sfv-reporter-'))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  /** Runs vitest over the given test files; globals stand in for imports, which the folder could not resolve. */
  function run(files: Record<string, string>): { status: number | null; lastLine: string | undefined } {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
    const reporter = join(root, 'scripts/summary-reporter.ts')
    const vitest = join(root, 'node_modules/vitest/vitest.mjs')
    const options = ['run', '--root', folder, '--globals', '--reporter=default', `--reporter=${reporter}`]
    const { status, stdout } = spawnSync(process.execPath, [vitest, ...options], { encoding: 'utf8' })
    return { status, lastLine: stdout.trimEnd().split('\n').at(-1) }
  }

  it('leaves out skipped tests when there are none', () => {
    expect(summaryLine({ passed: 3, failed: 0, skipped: 0 })).toBe('3 passed, 0 failed')
    expect(summaryLine({ passed: 3, failed: 1, skipped: 2 })).toBe('3 passed, 1 failed, 2 skipped')
  })

  it('is the last of the output when all is well', () => {
    expect(run({ 'a.test.js': "it('a', () => {}); it('b', () => {})" })).toEqual({
      status: 0,
      lastLine: '2 passed, 0 failed',
    })
  })

  it('counts failures, skips, files that do not load and broken hooks, and fails the run', () => {
    const outcome = run({
      'a.test.js': "it('a', () => {}); it('b', () => expect(1).toBe(2)); it.skip('c', () => {})",
      'b.test.js': "throw new Error('does not load')",
      'c.test.js': "describe('d', () => { beforeAll(() => { throw new Error('hook') }); it('e', () => {}) })",
    })
    expect(outcome).toEqual({ status: 1, lastLine: '1 passed, 3 failed, 2 skipped' })
  })
})
