import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, it } from 'vitest'

const module = fileURLToPath(new URL('../../src/runtime/unfinished.node.ts', import.meta.url))

let folder: string
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'sfv-unfinished-'))))
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** A process that writes a file for ever; it gets `signal` once the file is there. */
function ended(signal: NodeJS.Signals, guard: string): Promise<NodeJS.Signals | number | null> {
  const script = `
    import { writeFileSync } from 'node:fs'
    import { removeUnfinishedOnSignals, whileUnfinished } from ${JSON.stringify(module)}
    ${guard}
    await whileUnfinished('entry.part', () => {
      writeFileSync('entry.part', '')
      console.log('begun')
      return new Promise((resolve) => setTimeout(resolve, 50_000))
    })`
  const tsx = import.meta.resolve('tsx')
  const child = spawn(process.execPath, ['--import', tsx, '--input-type=module', '-e', script], { cwd: folder })
  child.stdout.once('data', () => child.kill(signal))
  return new Promise((resolve) => child.on('close', (code, by) => resolve(by ?? code)))
}

it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('%s ends the command as ever, and leaves nothing', async (signal) => {
  expect(await ended(signal, 'removeUnfinishedOnSignals()')).toBe(signal)
  expect(readdirSync(folder)).toEqual([])
})

it('leaves signals alone in a program that has not asked for it', async () => {
  expect(await ended('SIGTERM', '')).toBe('SIGTERM')
  expect(readdirSync(folder)).toEqual(['entry.part'])
})

it('leaves a signal to whoever listens for it once', async () => {
  const guard = "removeUnfinishedOnSignals(); process.once('SIGTERM', () => setTimeout(() => process.exit(7), 50))"
  expect(await ended('SIGTERM', guard)).toBe(7)
})
