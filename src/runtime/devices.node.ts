import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { listSupportedBackends, type InferenceSession } from 'onnxruntime-node'
import { UserError } from '../errors.js'
import { DEVICES, type Device, type DeviceChoice } from './device-names.js'

type SessionOptions = InferenceSession.SessionOptions

/** Which system has the devices that not every build of ONNX Runtime knows. */
const SYSTEMS: Readonly<Partial<Record<Device, string>>> = { coreml: 'macOS', dml: 'Windows' }

/** CoreML's newer format of models, which knows half precision (COREML_FLAG_CREATE_MLPROGRAM). */
const ML_PROGRAM = 0x10

/** The devices that this build of ONNX Runtime knows; whether there is such a device is another question. */
export function knownDevices(): Device[] {
  const names = new Set(listSupportedBackends().map(({ name }) => name))
  return DEVICES.filter((device) => names.has(device))
}

/** Whether ONNX Runtime's CUDA provider is there, which the package's installer fetches only when it is told to. */
export function hasCudaProvider(): boolean {
  const main = createRequire(import.meta.url).resolve('onnxruntime-node')
  const bin = join(dirname(dirname(main)), 'bin', 'napi-v6', process.platform, process.arch)
  const file = process.platform === 'win32' ? 'onnxruntime_providers_cuda.dll' : 'libonnxruntime_providers_cuda.so'
  return existsSync(join(bin, file))
}

/**
 * The device that a choice means here.
 *
 * @throws UserError when ONNX Runtime cannot use that device on this system.
 */
export function resolveDevice(choice: DeviceChoice): Device {
  if (choice === 'auto') return hasCudaProvider() ? 'cuda' : 'cpu'
  const known = knownDevices()
  if (!known.includes(choice)) {
    const system = SYSTEMS[choice]
    const where = system ? `; it is a device of ${system}` : ''
    throw new UserError(
      `the device ${choice} cannot be used on ${process.platform} ${process.arch}${where}; choose ${known.join(', ')}`,
    )
  }
  if (choice === 'cuda' && !hasCudaProvider())
    throw new UserError(
      'the device cuda needs ONNX Runtime\'s CUDA provider, which is not installed; "sfv doctor" says how',
    )
  return choice
}

/** How ONNX Runtime is told to run on a device, what that cannot do on the CPU; `deviceId` is which of several. */
export function deviceOptions(device: Device, deviceId: number): SessionOptions {
  switch (device) {
    case 'cpu':
      return { executionProviders: ['cpu'] }
    case 'webgpu':
      return { executionProviders: ['webgpu', 'cpu'] }
    case 'cuda':
      return { executionProviders: [{ name: 'cuda', deviceId }, 'cpu'] }
    case 'coreml':
      return { executionProviders: [{ name: 'coreml', coreMlFlags: ML_PROGRAM }, 'cpu'] }
    case 'dml':
      // DirectML runs one node after another, into memory that it plans itself.
      return {
        executionProviders: [{ name: 'dml', deviceId }, 'cpu'],
        enableMemPattern: false,
        executionMode: 'sequential',
      }
  }
}
