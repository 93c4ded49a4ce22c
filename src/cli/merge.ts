import { Command, Option } from 'commander'

const EXAMPLES = `
Examples:
  sfv merge models/fluent runs/sfv-lora/model/student_lora -o models/mine
  sfv animate cat.png -o cat.webp --model models/mine`

/** `sfv merge MODEL LORA -o OUT`. */
export function mergeCommand(): Command {
  return new Command('merge')
    .description('add a LoRA to the weights of its model, which becomes the student of a model of its own')
    .argument('<model>', 'pipeline folder, whose unet the LoRA was trained on')
    .argument('<lora>', 'LoRA of diffusers, PEFT or kohya-ss: a .safetensors file, or its folder')
    .requiredOption('-o, --out <folder>', 'pipeline folder to write; the model itself, to add the student to it')
    .addOption(
      new Option('--dtype <type>', 'numbers of the student; float16 takes half the space and rounds the sum')
        .choices(['float16', 'float32'])
        .default('float16'),
    )
    .option('--force', 'replace a student that the folder has')
    .option('--json', 'print the result as one JSON object')
    .addHelpText('after', EXAMPLES)
    .action(merge)
}

interface Options {
  readonly out: string
  readonly dtype: 'float16' | 'float32'
  readonly force?: true
  readonly json?: true
}

async function merge(model: string, lora: string, { out, dtype, force, json }: Options): Promise<void> {
  const { mergeLora } = await import('../training/lora/merge-lora.node.js')
  const weights = await mergeLora(model, lora, out, dtype === 'float32' ? 'F32' : 'F16', force ?? false)
  const text = json
    ? JSON.stringify({ model, lora, out, dtype, weights })
    : `changed ${weights} weights: ${out}/student`
  process.stdout.write(`${text}\n`)
}
