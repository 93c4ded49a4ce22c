import { describe, expect, it } from 'vitest'
import { hasCudaProvider, knownDevices, resolveDevice } from '../../src/runtime/devices.node.js'
import { nodeEngine } from '../../src/runtime/engine.node.js'

describe('a device', () => {
  it('is one that this build of ONNX Runtime knows', () => {
    expect(knownDevices()).toEqual(expect.arrayContaining(['cpu', 'webgpu']))
    expect(resolveDevice('auto')).toBe(hasCudaProvider() ? 'cuda' : 'cpu')
  })

  it.skipIf(process.platform !== 'linux').each([
    ['coreml', 'macOS'],
    ['dml', 'Windows'],
  ] as const)('is refused in a sentence where the system has none: %s', (device, system) => {
    const message = new RegExp(
      `^the device ${device} cannot be used on linux \\w+; it is a device of ${system}; choose cpu, `,
    )
    expect(() => nodeEngine({ device })).toThrow(message)
  })

  it.skipIf(hasCudaProvider() || process.platform !== 'linux' || process.arch !== 'x64')(
    'is refused in a sentence where its provider is missing: cuda',
    () => {
      expect(() => nodeEngine({ device: 'cuda' })).toThrow(/^the device cuda needs ONNX Runtime's CUDA provider/)
    },
  )
})
