import { spawnSync } from 'node:child_process'
import { totalmem } from 'node:os'
import { UserError } from '../../errors.js'
import type { DeviceChoice } from '../../runtime/device-names.js'
import { type Plan } from './plan.js'

/** What is known beside a plan. */
export interface FitOptions {
  /** Bytes that the device has. Left out: what this machine's has. */
  readonly memory?: number | undefined
  /** Processes of this machine that share each batch. */
  readonly processes: number
}

/** What a plan needs of a device, and what that has, in bytes. */
export interface Fit {
  readonly onCpu: boolean
  /** The least that the processes can do with. */
  readonly needs: number
  /** What ONNX Runtime is likely to hold. */
  readonly about: number
  /** Undefined where it is not known. */
  readonly has: number | undefined
}

/** Holds a plan for whole batches against a device. */
export function fitOf(plan: Plan, device: DeviceChoice, { memory, processes }: FitOptions): Fit {
  const gpu = device === 'cpu' ? undefined : gpuBytes()
  const onCpu = device === 'cpu' || (device === 'auto' && gpu === undefined && memory === undefined)
  const { cpu, activations, accelerator } = plan.memory
  // Each process has all of the weights and their gradients, and its share of the activations.
  const needs = onCpu ? processes * (cpu - activations) + activations : accelerator
  return { onCpu, needs, about: needs + plan.memory.overhead, has: memory ?? (onCpu ? machineBytes() : gpu) }
}

/** What is to be said where ONNX Runtime is likely to hold more than there is; undefined where it is not. */
export function tightness({ needs, about, has }: Fit): string | undefined {
  if (has === undefined || needs > has || about <= has) return undefined
  return `tight: ONNX Runtime is likely to hold ${gigabytes(about)}, and there are ${gigabytes(has)}`
}

/**
 * Checks that a plan fits its device.
 *
 * @throws UserError with the numbers where it cannot.
 */
export function checkFit({ onCpu, needs, has }: Fit): void {
  if (has !== undefined && needs > has)
    throw new UserError(
      `this cannot fit: it needs ${gigabytes(needs)} at the least and the ${onCpu ? 'machine' : 'device'} has ${gigabytes(has)}; ` +
        `take a smaller batch, fewer frames or smaller clips, rematerialise, train a LoRA, or plan for another device (--device, --memory)`,
    )
}

/** Bytes in GB, to three digits. */
export const gigabytes = (bytes: number): string => `${(bytes / 1e9).toPrecision(3)} GB`

/** The memory of this machine, or of the container that the process is held in. */
function machineBytes(): number {
  // Without a limit, the answer is 0, undefined or a number that is far too large.
  const limit = process.constrainedMemory() || Infinity
  return Math.min(totalmem(), limit)
}

/** Memory of the first NVIDIA accelerator; undefined where there is none. */
function gpuBytes(): number | undefined {
  const query = ['--query-gpu=memory.total', '--format=csv,noheader,nounits']
  const { stdout } = spawnSync('nvidia-smi', query, { encoding: 'utf8' })
  const mebibytes = Number.parseInt(stdout ?? '', 10)
  return Number.isFinite(mebibytes) ? mebibytes * 2 ** 20 : undefined
}
