import { Command, Option } from 'commander'
import type { EvaluateOptions, EvaluationProgress } from '../evaluation/index.js'
import { interruptible } from './interrupt.js'
import { between, deviceOption, parseGuidance, whole } from './options.js'
import { StatusLine } from './progress.js'

const EXAMPLES = `
Examples:
  sfv eval models/fluent --data data/fluent-128 -o runs/eval     one step against 2, 4, 8, 16 and 25 of the teacher
  sfv eval models/fluent --data data/fluent-128 --steps 1,unet@1,unet@25 --clips 32 -o runs/quick
                                                                 the student, and the teacher at 1 and at 25 steps
  sfv eval models/mine --data data/mine --steps 8,4,2 --network consistency -o runs/consistency
                                                                 another UNet of the model's folder

Each clip's first frame is animated, and the results are held against the clips. OUT gets report.html to look at,
results.json, and the clips; what is there already is not made again, so that an evaluation can be stopped and gone on with.`

interface Options extends Omit<EvaluateOptions, 'model' | 'guidance'> {
  readonly guidance?: { minGuidance: number; maxGuidance: number }
  readonly json?: true
}

/** `sfv eval MODEL --data DIR -o OUT`. */
export function evalCommand(): Command {
  return new Command('eval')
    .description('measure a model: distance to real clips, motion, flicker, fidelity, diversity, speed')
    .argument('<model>', 'model folder in the layout of diffusers')
    .requiredOption('--data <dir>', 'clip store made by `sfv data`, of the size that the model makes')
    .requiredOption('-o, --out <dir>', 'folder for report.html, results.json and the clips')
    .option('--steps <list>', 'rows of the table: steps, or NETWORK@STEPS', '1,2,4,8,16,25')
    .option('--network <name>', 'UNet of entries without one (default: student for 1 step, else unet)')
    .addOption(
      new Option('--sampler <name>', 'how steps are taken (default: consistency for a network of that name)').choices([
        'euler',
        'consistency',
      ]),
    )
    .addOption(
      new Option(
        '--guidance <first:last>',
        'guidance scales for all rows, 1:1 for none (default: 1:3 for several steps of unet, else none)',
      ).argParser(parseGuidance),
    )
    .addOption(
      new Option('--split <name>', 'clips to evaluate on').choices(['test', 'train', 'reserved']).default('test'),
    )
    .option('--clips <n>', 'clips at most; more are more certain', whole('--clips', 2, 1e6), 256)
    .option('--features <which>', 'fluent, a feature network, or weights of I3D: see docs/evaluation.md', 'fluent')
    .option('--seed <n>', 'whole number that all randomness comes from', whole('--seed', 0, Number.MAX_SAFE_INTEGER), 0)
    .addOption(
      new Option('--motion <n>', "motion bucket of all clips, or shuffled: the real clips' own, but not each its own")
        .argParser((text) => (text === 'shuffled' ? text : between('--motion', 0, 255)(text)))
        .default('shuffled'),
    )
    .option('--noise-aug <s>', 'noise on the pictures', between('--noise-aug', 0, 10), 0.02)
    .option('--seeds <n>', 'clips of a picture that diversity is measured over; 1: none', whole('--seeds', 1, 100), 3)
    .option('--timings <n>', 'rounds in which all rows are timed; 0: none', whole('--timings', 0, 1000), 3)
    .addOption(deviceOption())
    .option('--threads <n>', 'threads (default: all cores)', whole('--threads', 1, 1024))
    .option('--json', 'print the results as one JSON object')
    .addHelpText('after', EXAMPLES)
    .action(evaluateModel)
}

async function evaluateModel(model: string, { json, guidance, ...options }: Options): Promise<void> {
  const { evaluate, printTable } = await import('../evaluation/index.js')
  const line = new StatusLine()
  const scales = guidance && { guidance: { min: guidance.minGuidance, max: guidance.maxGuidance } }
  try {
    const onProgress = showProgress(line)
    const results = await interruptible((signal) => evaluate({ ...options, ...scales, model, onProgress, signal }))
    line.clear()
    if (json) return void process.stdout.write(`${JSON.stringify(results)}\n`)
    const { data, features } = results
    process.stdout.write(`${printTable(results)}\n`)
    line.note(
      `${data.clips} of ${data.available} clips of the ${data.split} split; distances in ${features.description}\n` +
        `wrote ${options.out}/report.html`,
    )
  } finally {
    line.clear()
  }
}

/** Leaves a line whenever something else is begun, and tells the time that is left in between. */
function showProgress(line: StatusLine): (progress: EvaluationProgress) => void {
  const started = performance.now()
  let current = ''
  return ({ what, done, total }) => {
    const minutes = (((performance.now() - started) / 60_000) * (total - done)) / done
    const text = `${what}: ${Math.round((100 * done) / total)} %, ${minutes < 1 ? 'under a minute' : `${Math.round(minutes)} min`} left`
    if (what === current) return line.show(text)
    current = what
    line.note(text)
  }
}
