import { availableParallelism } from 'node:os'
import { Command, Option } from 'commander'
import type { DeviceChoice } from '../runtime/device-names.js'
import { BUNDLED_MODEL } from '../weights/packaged.node.js'
import { deviceOption, whole } from './options.js'
import { toldToEnd } from './serve.js'

const EXAMPLES = `
Examples:
  sfv worker --queue redis://queue:6379 --data /mnt/sfv             makes the clips of sfv serve --queue
  sfv worker --queue redis://queue:6379 --data /mnt/sfv --concurrency 2

--data is the folder of sfv serve, which every machine must see. The packages bullmq and ioredis are needed beside sfv.`

interface Options {
  readonly queue: string
  readonly model: string
  readonly data: string
  readonly concurrency: number
  readonly timeLimit: number
  readonly grace: number
  readonly device: DeviceChoice
}

/** `sfv worker`. */
export function workerCommand(): Command {
  return new Command('worker')
    .description('make the clips that sfv serve --queue has asked for')
    .requiredOption('--queue <url>', 'Redis or Valkey of sfv serve, such as redis://127.0.0.1:6379')
    .requiredOption('--data <dir>', 'folder of sfv serve, shared by all machines')
    .addOption(
      new Option('--model <model>', 'the model of sfv serve: a folder, or a hub id').default(
        BUNDLED_MODEL,
        'the bundled one',
      ),
    )
    .option('--concurrency <n>', 'clips at a time, each in a process of its own', whole('--concurrency', 1, 64), 1)
    .option('--time-limit <s>', 'seconds that a clip may take', whole('--time-limit', 1, 86_400), 600)
    .option('--grace <s>', 'seconds that what runs may take when the worker is ended', whole('--grace', 0, 3600), 30)
    .addOption(deviceOption())
    .addHelpText('after', EXAMPLES)
    .action(start)
}

async function start({ grace, ...options }: Options): Promise<void> {
  const { startWorker } = await import('../server/redis-worker.js')
  const threads = Math.max(1, Math.floor(availableParallelism() / options.concurrency))
  const running = await startWorker({ ...options, precision: 'auto', threads })
  process.stderr.write(`waiting for clips of ${options.queue.replace(/\/\/.*@/, '//')}\n`)
  await toldToEnd()
  process.stderr.write(`ending: what runs may take ${grace} s more\n`)
  await running.close(grace)
}
