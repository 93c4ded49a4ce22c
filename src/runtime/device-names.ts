/** Where networks can run: ONNX Runtime's execution providers that sfv uses. */
export const DEVICES = ['cpu', 'webgpu', 'cuda', 'coreml', 'dml'] as const

/** One of `DEVICES`. */
export type Device = (typeof DEVICES)[number]

/** A device, or `auto`: CUDA where its provider is installed, else the CPU. */
export type DeviceChoice = 'auto' | Device
