import { lower } from '../graph/lower.js'
import { input, matmul } from '../graph/ops/index.js'
import { deviceTraits } from '../svd/device-traits.js'
import type { Device } from '../runtime/device-names.js'
import { nodeEngine } from '../runtime/engine.node.js'

/** What a device did when it was tried. */
export interface DeviceReport {
  readonly device: Device
  /** GFLOP/s of a matrix product, float32. */
  readonly speed: number
  /** Rows of the matrices: 1024, or 128 where the device is slow. */
  readonly side: number
  readonly half: boolean
  readonly fusedAttention: boolean
}

/** Runs of a product, of which the fastest counts; about this long each is slow. */
const [RUNS, SLOW_MS] = [6, 100]

/**
 * Runs small graphs on a device.
 *
 * @throws UserError when there is no such device, or it does not run.
 */
export async function probeDevice(device: Device): Promise<DeviceReport> {
  const engine = nodeEngine({ device })
  const milliseconds = async (side: number) => {
    const [a, b] = [input('a', [side, side]), input('b', [side, side])]
    const program = await engine.load(lower({ y: matmul(a, b) }))
    const feeds = { a: new Float32Array(a.size).fill(0.5), b: new Float32Array(b.size).fill(0.5) }
    let fastest = Infinity
    for (let run = 0; run < RUNS; run++) {
      const start = performance.now()
      await program.run(feeds)
      fastest = Math.min(fastest, performance.now() - start)
    }
    await program.dispose()
    return fastest
  }
  const small = await milliseconds(128)
  const side = small * 8 ** 3 > SLOW_MS * 8 ** 2 ? 128 : 1024
  const taken = side === 128 ? small : await milliseconds(side)
  return { device, side, speed: (2 * side ** 3) / taken / 1e6, ...(await deviceTraits(engine)) }
}
