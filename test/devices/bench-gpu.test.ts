import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

// On the CPU at tiny sizes: that the script runs to its end where it is wanted, on a machine lent for minutes.
it('npm run bench:gpu prints its whole table', { timeout: 300_000 }, async () => {
  const args = ['--import', 'tsx', 'bench/gpu.ts', '--device', 'cpu', '--tiny']
  const env = { ...process.env, SFV_BENCH_MODEL: 'test/fixtures/pipeline-tiny' }
  const { stdout } = await promisify(execFile)(process.execPath, args, { env })
  const rows = stdout.split('\n').filter((line) => line.startsWith('| '))
  expect(rows).toHaveLength(2 + 3 * 2 + 2 * 2 + 1 + 1 + 1)
  expect(stdout).not.toContain('failed')
  // In float32 the device is the CPU itself.
  for (const line of rows.filter((row) => /float32: difference|difference of the parameters/.test(row)))
    expect(line).toMatch(/\| 0\.0e\+0 \|$/)
})
