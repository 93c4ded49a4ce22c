import { Command } from 'commander'
import type { PullProgress } from '../weights/hub.node.js'
import { StatusLine } from './progress.js'

const EXAMPLES = `
Examples:
  sfv pull stabilityai/stable-video-diffusion-img2vid      4.3 GB; a gated model: accept its terms, set HF_TOKEN
  sfv animate cat.png -o cat.mp4 --model stabilityai/stable-video-diffusion-img2vid --steps 25
                                                           then works without a network

Only what sfv reads is fetched, in half precision where the model has it, and checked. A download that was broken off goes on.
Environment: HF_TOKEN (else the token of \`hf auth login\`), HF_ENDPOINT, HTTPS_PROXY and NO_PROXY, SFV_CACHE (where models are
kept), HF_HUB_CACHE (models that huggingface_hub has there are not fetched by animate), SFV_OFFLINE or HF_HUB_OFFLINE (1, on,
yes, true).`

interface Options {
  readonly out?: string
  readonly revision?: string
  readonly json?: true
}

/** `sfv pull HUB_ID`. */
export function pullCommand(): Command {
  return new Command('pull')
    .description('fetch a model from the Hugging Face hub')
    .argument('<id>', 'owner/name of a Stable Video Diffusion in the layout of diffusers')
    .option('-o, --out <dir>', "folder of the model (default: in the user's cache, where --model finds it by its id)")
    .option('--revision <name>', 'branch, tag or commit (default: main)')
    .option('--json', 'print what was done as one JSON object')
    .addHelpText('after', EXAMPLES)
    .action(pull)
}

async function pull(id: string, { out, revision, json }: Options): Promise<void> {
  const { pullModel } = await import('../weights/hub.node.js')
  const line = new StatusLine()
  const started = performance.now()
  const onProgress = ({ file, done, total }: PullProgress) => {
    const rate = done / 1e6 / ((performance.now() - started) / 1000)
    line.show(
      `${((100 * done) / total).toFixed(0)} % of ${(total / 1e9).toFixed(2)} GB, ${rate.toFixed(0)} MB/s, ${file}`,
    )
  }
  try {
    const model = await pullModel(id, { folder: out, revision, onProgress })
    line.clear()
    if (json) process.stdout.write(`${JSON.stringify({ id, ...model })}\n`)
    else
      line.note(
        `${id} is in ${model.folder} (${(model.bytes / 1e9).toFixed(2)} GB, ${(model.fetched / 1e9).toFixed(2)} fetched)`,
      )
  } finally {
    line.clear()
  }
}
