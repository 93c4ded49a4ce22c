import { Command, Option } from 'commander'
import type { FloatDType } from '../weights/convert.js'
import { whole } from './options.js'
import { StatusLine } from './progress.js'

const DTYPES: Readonly<Record<string, FloatDType>> = { fp16: 'F16', bf16: 'BF16', fp32: 'F32' }

const EXAMPLES = `
Examples:
  sfv init --config svd -o svd-random             Stable Video Diffusion's size, 4.5 GB: does this machine bear it?
  sfv init --config models/fluent -o my-model     the configuration of a model that is there

CONFIG is svd, svd-xt (25 frames), svd-quarter (half as wide), tiny, or a model folder. What a random model makes of
a picture is noise; it takes the memory and the time of a trained one.`

interface Options {
  readonly config: string
  readonly out: string
  readonly seed: number
  readonly dtype: string
  readonly json?: true
}

/** `sfv init --config CONFIG -o DIR`. */
export function initCommand(): Command {
  return new Command('init')
    .description('make a model with random weights, in the layout of diffusers')
    .requiredOption('--config <config>', 'svd, svd-xt, svd-quarter, tiny, or a model folder')
    .requiredOption('-o, --out <dir>', 'folder of the model')
    .option('--seed <n>', 'where the random numbers come from', whole('--seed', 0, Number.MAX_SAFE_INTEGER), 0)
    .addOption(new Option('--dtype <type>', 'type of the weights').choices(Object.keys(DTYPES)).default('fp16'))
    .option('--json', 'print what was done as one JSON object')
    .addHelpText('after', EXAMPLES)
    .action(init)
}

async function init({ dtype, json, ...options }: Options): Promise<void> {
  const { initPipeline } = await import('../pipeline/init.node.js')
  const line = new StatusLine()
  try {
    const onProgress = (done: number, total: number) => line.show(`writing tensor ${done} of ${total}`)
    const components = await initPipeline({ ...options, dtype: DTYPES[dtype]!, onProgress })
    if (json) return void process.stdout.write(`${JSON.stringify({ output: options.out, components })}\n`)
    const counts = Object.entries(components).map(
      ([name, { parameters }]) => `${name} ${parameters.toLocaleString('en')}`,
    )
    line.note(`wrote ${options.out} (parameters: ${counts.join(', ')})`)
  } finally {
    line.clear()
  }
}
