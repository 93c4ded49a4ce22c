import { Command } from 'commander'
import type { CheckpointInfo } from './inspect.js'

const EXAMPLES = `
Examples:
  sfv info models/fluent                              every component of a model
  sfv info unet/diffusion_pytorch_model.safetensors   one checkpoint
  sfv info runs/student --json                        the checkpoints of a training run
  sfv info data/mine                                  how a clip store is split, how long its clips are and how they move`

/** `sfv info CHECKPOINT|FOLDER|RUN|STORE`. */
export function infoCommand(): Command {
  return new Command('info')
    .description('say what a checkpoint, a model folder, a training run or a clip store holds')
    .argument('<path>', '.safetensors file, index of shards, or folder')
    .option('--json', 'print it as one JSON object')
    .addHelpText('after', EXAMPLES)
    .action(info)
}

async function info(path: string, { json }: { readonly json?: true }): Promise<void> {
  const { describeStore, isStore, storeTable } = await import('./inspect-store.js')
  if (await isStore(path)) {
    const store = await describeStore(path)
    return void process.stdout.write(json ? `${JSON.stringify({ path, store })}\n` : storeTable(path, store))
  }
  const { inspect } = await import('./inspect.js')
  const checkpoints = await inspect(path)
  process.stdout.write(json ? `${JSON.stringify({ path, checkpoints })}\n` : table(checkpoints))
}

/** A line per checkpoint in columns, and below each what its metadata says. */
function table(checkpoints: readonly CheckpointInfo[]): string {
  const head = ['file', 'class', 'tensors', 'parameters', 'type', 'size']
  const rows = checkpoints.map(({ file, className, tensors, parameters, dtypes, bytes }) => [
    file,
    className ?? '-',
    tensors.toLocaleString('en'),
    parameters.toLocaleString('en'),
    dtypes.join(' '),
    `${(bytes / 1e6).toFixed(1)} MB`,
  ])
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]!.length)))
  const isNumber = [false, false, true, true, false, true]
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => (isNumber[i] ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join('  ')
      .trimEnd()
  const lines = rows.map((row, i) => {
    const notes = Object.entries(checkpoints[i]!.metadata).map(([key, value]) => `  ${key}: ${value}`)
    return [line(row), ...notes].join('\n')
  })
  return `${[line(head), ...lines].join('\n')}\n`
}
