import { rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { Finding } from '../../src/cli/diagnose.js'
import { sfv } from './sfv.js'

// No driver at all: what GPU this machine has is not the test's business, and one in software is slow.
beforeEach(() => {
  vi.stubEnv('VK_ICD_FILENAMES', '/nothing-here.json')
  vi.stubEnv('VK_DRIVER_FILES', '/nothing-here.json')
  vi.stubEnv('HF_TOKEN', 'hf_secret')
  vi.stubEnv('SFV_MPI_LIBRARY', '/nothing-here.so')
})
afterEach(() => {
  vi.unstubAllEnvs()
})

it('says what the machine has, and what to install', async () => {
  const [json, text] = [await sfv(['doctor', '--json']), await sfv(['doctor'])]
  expect([json.code, text.code]).toEqual([0, 0])
  const { ok, findings } = JSON.parse(json.stdout) as { ok: boolean; findings: Finding[] }
  expect(ok).toBe(true)
  const of = (topic: string) => findings.find((finding) => finding.topic === topic)!
  expect(of('Node')).toMatchObject({ state: 'ok', says: expect.stringContaining(process.version) })
  expect(of('memory').facts!['total']).toBeGreaterThan(2 ** 29)
  expect(of('ONNX Runtime').facts).toMatchObject({ devices: expect.arrayContaining(['cpu', 'webgpu']) })
  expect(of('cpu')).toMatchObject({ state: 'ok', facts: { device: 'cpu', half: false, fusedAttention: true } })
  expect(of('cpu').facts!['speed']).toBeGreaterThan(0)
  expect(of('cache').facts).toMatchObject({ folder: process.env['SFV_CACHE'] })
  if (process.platform === 'linux') expect(of('webgpu')).toMatchObject({ state: 'missing', says: 'no Vulkan driver' })
  expect(of('MPI')).toMatchObject({ state: 'missing', fix: expect.stringContaining('Open MPI') })
  expect(of('model hub').says).toContain('HF_TOKEN is set')
  expect(json.stdout + text.stdout).not.toContain('hf_secret')
  for (const { topic, state, says, fix } of findings) {
    if (state !== 'ok') expect(fix, topic).toBeTruthy()
    expect(text.stdout).toContain(topic)
    expect(says).not.toMatch(/\n|undefined/)
  }
})

it('fails in a sentence when a device that is asked for is not there', async () => {
  const { code, stdout, stderr } = await sfv(['doctor', '--try', process.platform === 'darwin' ? 'dml' : 'coreml'])
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(stderr).toMatch(/^sfv: the device \w+ cannot be used on /)
})

it('says where the cache cannot be written', async () => {
  const file = join(tmpdir(), `sfv-no-folder-${process.pid}`)
  writeFileSync(file, '')
  vi.stubEnv('SFV_CACHE', file)
  try {
    const { code, stdout } = await sfv(['doctor', '--json'])
    const { findings } = JSON.parse(stdout) as { findings: Finding[] }
    expect(findings.find(({ topic }) => topic === 'cache')).toMatchObject({
      state: 'missing',
      says: expect.stringContaining(`${file}: cannot be written`),
      fix: expect.stringContaining('SFV_CACHE'),
    })
    expect(code).toBe(0)
  } finally {
    rmSync(file)
  }
})
