import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    reporters: ['default', './scripts/summary-reporter.ts'],
    testTimeout: 60_000,
    // A hook may be as slow as a test: some open the networks that all tests of their file use.
    hookTimeout: 60_000,
    // A machine that is busy elsewhere may fail a browser or a server once; what is broken fails twice.
    retry: process.env['CI'] ? 1 : 0,
    // ONNX Runtime uses all cores by itself: two files at a time is what a 2-core machine bears.
    maxWorkers: 2,
    pool: 'forks',
    env: { SFV_CACHE: join(tmpdir(), 'sfv-test-cache') },
  },
})
