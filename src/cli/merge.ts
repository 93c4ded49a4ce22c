import { Command } from 'commander'

const EXAMPLES = `
Examples:
  sfv merge models/fluent runs/sfv-lora/model/student_lora -o models/mine
  sfv animate cat.png -o cat.webp --model models/mine`

/** `sfv merge MODEL LORA -o OUT`. */
export function mergeCommand(): Command {
  return new Command('merge')
    .description('add a LoRA to the weights of its model, which becomes the student of a model of its own')
    .argument('<model>', 'pipeline folder, whose unet the LoRA was trained on')
    .argument('<lora>', 'LoRA in the format of diffusers: a .safetensors file, or its folder')
    .requiredOption('-o, --out <folder>', 'pipeline folder to write; the model itself, to add the student to it')
    .option('--json', 'print the result as one JSON object')
    .addHelpText('after', EXAMPLES)
    .action(merge)
}

async function merge(model: string, lora: string, { out, json }: { out: string; json?: true }): Promise<void> {
  const { mergeLora } = await import('../training/merge-lora.node.js')
  const weights = await mergeLora(model, lora, out)
  const text = json ? JSON.stringify({ model, lora, out, weights }) : `changed ${weights} weights: ${out}/student`
  process.stdout.write(`${text}\n`)
}
