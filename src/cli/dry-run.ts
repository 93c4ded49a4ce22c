import type { DeviceChoice } from '../runtime/device-names.js'
import { resolveDevice } from '../runtime/devices.node.js'
import { alone } from '../runtime/group.js'
import { checkFit, fitOf, gigabytes, tightness } from '../training/plan/fit.node.js'
import type { Plan } from '../training/plan/plan.js'
import type { Recipe } from '../training/objectives/registry.node.js'
import { processesOf } from '../training/trainer/processes.node.js'

/** Where it shall run. */
export interface DryRunOptions {
  readonly device: DeviceChoice
  /** Memory of the device to plan for, in GB (10^9 bytes); default: what this machine's has. */
  readonly memory?: number | undefined
  readonly threads?: number | undefined
  readonly json?: true | undefined
}

/**
 * Prints the resolved recipe and what it takes.
 *
 * @throws UserError with the numbers, after printing, when the device's memory is too small.
 */
export function printPlan(recipe: Recipe, plan: Plan, { device, memory, threads, json }: DryRunOptions): void {
  // How many cores another machine has is not known.
  const here = memory === undefined && resolveDevice(device) === 'cpu'
  const processes = processesOf(recipe, { threads, onCpu: here, group: alone })
  const fit = fitOf(plan, device, { memory: memory === undefined ? undefined : memory * 1e9, processes })
  const { onCpu, needs, has } = fit
  const fits = has === undefined ? undefined : needs <= has
  if (json)
    process.stdout.write(`${JSON.stringify({ recipe, plan, device: onCpu ? 'cpu' : device, needs, has, fits })}\n`)
  else process.stdout.write(`${JSON.stringify(recipe, null, 2)}\n\n${table(plan, onCpu, has)}`)
  const tight = tightness(fit)
  if (tight !== undefined) process.stderr.write(`sfv: ${tight}\n`)
  checkFit(fit)
}

function table(
  { trained, frozen, trainableShare, flopsPerStep, forwardFlopsPerStep, memory }: Plan,
  onCpu: boolean,
  has?: number,
): string {
  const million = (count: number) => `${(count / 1e6).toFixed(2)} M`
  const rows: [string, string][] = [
    ...Object.entries(trained).map(
      ([name, count]) => [`parameters of the ${name}`, `${million(count)}, trained`] as [string, string],
    ),
    ['parameters that are frozen', million(frozen)],
    ['trainable share', `${(100 * trainableShare).toFixed(2)} %`],
    ['FLOPs of a step', `${tera(flopsPerStep)} (forward alone ${tera(forwardFlopsPerStep)})`],
    ['memory: weights', gigabytes(memory.weights)],
    ['memory: gradients', gigabytes(memory.gradients)],
    [
      'memory: activations',
      `${gigabytes(memory.activations)} alive at once; ONNX Runtime holds about ${gigabytes(memory.activations + memory.overhead)}`,
    ],
    ['memory: averages, optimiser', gigabytes(memory.optimizer)],
    [
      'on the CPU',
      `${gigabytes(memory.cpu)} at the least in one process, about ${gigabytes(memory.cpu + memory.overhead)}`,
    ],
    [
      'on an accelerator',
      `${gigabytes(memory.accelerator)} at the least, about ${gigabytes(memory.accelerator + memory.overhead)}, and ${gigabytes(memory.host)} in the machine`,
    ],
    [
      onCpu ? 'this machine has' : 'the device has',
      has === undefined ? 'unknown memory: say --memory' : gigabytes(has),
    ],
  ]
  const width = Math.max(...rows.map(([name]) => name.length))
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}\n`).join('')
}

function tera(flops: number): string {
  return flops >= 1e12 ? `${(flops / 1e12).toPrecision(3)} TFLOP` : `${(flops / 1e9).toPrecision(3)} GFLOP`
}
