import { existsSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import { basename } from 'node:path'
import { Command } from 'commander'
import type { DeviceChoice } from '../runtime/device-names.js'
import type { MpiJob } from '../runtime/mpi.node.js'
import { interruptible, type Interruption } from './interrupt.js'
import { messageOf } from './messages.js'
import { between, deviceOption, whole } from './options.js'
import { StatusLine } from './progress.js'
import { TrainMeter } from './train-meter.js'

const EXAMPLES = `
Examples:
  sfv train recipes/finetune.json                      the bundled model to your clips (docs/own-clips.md), into runs/finetune
  sfv train recipes/fluent/vae.json -o runs/first      into a folder of your choice: log.jsonl, tensorboard/, samples/, checkpoints/
  sfv train recipes/fluent/vae.json --resume runs/first
                                                       go on, bit for bit, where that run was stopped or killed
  sfv train recipes/svd/sfv.json --dry-run             what it would take: parameters, FLOPs, memory; nothing is trained
  mpirun -n 8 sfv train recipes/svd/sfv.json           on eight accelerators, see docs/distributed.md

The recipes of the package are found by these names from any folder. The folders that a recipe names (data, stills, model,
network, output) are relative to the folder in which the command is run; \`extends\` alone is relative to the recipe's file.

Ctrl-C (or SIGTERM, or SIGUSR2) finishes the step at hand and saves. \`sfv report RUN\` draws the run.`

/** A scheduler's warnings count as Ctrl-C; mpirun passes SIGUSR2 on to all processes. */
const STOPPING: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGUSR2']

interface Options {
  readonly out?: string
  readonly resume?: string | true
  readonly force?: true
  readonly threads?: number
  readonly device: DeviceChoice
  readonly dryRun?: true
  readonly memory?: number
  readonly json?: true
}

/** `sfv train RECIPE.json`. */
export function trainCommand(): Command {
  return new Command('train')
    .description('train a network by a recipe')
    .argument('<recipe>', 'recipe file (JSON); recipes/ has examples')
    .option('-o, --out <folder>', 'folder of the run (default: runs/ and the name of the recipe)')
    .option('--resume [folder]', 'go on from the newest checkpoint of the run')
    .option('--force', 'replace what the output of the recipe holds of another run')
    .option('--dry-run', 'print the resolved recipe and what it takes, and stop there; exit code 1 where it cannot fit')
    .option('--memory <gb>', 'with --dry-run: memory of the device to plan for, in GB', between('--memory', 0.1, 1e6))
    .option('--threads <n>', 'threads (default: all cores, shared among the processes of a machine)', threadCount)
    .addOption(deviceOption())
    .option('--json', 'print one JSON object per event')
    .addHelpText('after', EXAMPLES)
    .action(train)
}

const threadCount = whole('--threads', 1, 1024)

async function train(file: string, options: Options): Promise<void> {
  const { readRecipe } = await import('../training/recipe/read.node.js')
  const recipe = await readRecipe(file)
  if (options.dryRun) {
    const { planRecipe } = await import('../training/plan/plan.node.js')
    const { printPlan } = await import('./dry-run.js')
    return printPlan(recipe, await planRecipe(recipe), options)
  }
  const { out, resume, force, device, json } = options
  const { joinMpi } = await import('../runtime/mpi.node.js')
  const job = await joinMpi()
  const folder = (typeof resume === 'string' ? resume : out) ?? `runs/${basename(file).replace(/\.json$/, '')}`
  const meter = new TrainMeter(new StatusLine(), folder)
  const onEvent = json ? (event: object) => console.log(JSON.stringify(event)) : meter.report
  await together(job, folder, async (signal) => {
    const { train } = await import('../training/trainer/train.node.js')
    await train(recipe, {
      folder,
      resume: resume !== undefined,
      force: force ?? false,
      threads: options.threads ?? (job && shareOfCores(job)),
      device,
      deviceId: job?.localRank,
      group: job?.group,
      signal,
      onEvent,
    })
    if (signal.aborted) process.exitCode = (signal.reason as Interruption).exitCode
  })
}

/** Runs one process's part of a job: when it fails, all end at once, as the others would wait for it for ever. */
async function together(job: MpiJob | undefined, folder: string, work: (signal: AbortSignal) => Promise<void>) {
  const noteEnd = () =>
    process.stderr.write(
      `sfv: the job is being ended, by its launcher or because one of its processes has died; ` +
        (existsSync(`${folder}/checkpoints`)
          ? `the last checkpoint is in ${folder}/checkpoints, and --resume goes on from it\n`
          : 'no checkpoint was saved yet\n'),
    )
  if (job?.group.rank === 0) process.once('SIGTERM', noteEnd)
  try {
    await interruptible(work, STOPPING)
    job?.leave()
  } catch (error) {
    if (!job) throw error
    process.stderr.write(`sfv: process ${job.group.rank} of ${job.group.size}: ${messageOf(error)}\n`)
    job.abort()
  } finally {
    process.removeListener('SIGTERM', noteEnd)
  }
}

/** The cores that a process may use, or its share of the machine's where its launcher has not bound it to some. */
function shareOfCores({ localSize }: MpiJob): number {
  return Math.max(1, Math.min(availableParallelism(), Math.floor(cpus().length / localSize)))
}
