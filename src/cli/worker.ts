import { Command } from 'commander'
import { runUntilTold, threadsOfEach, withServerOptions, type ServerOptions } from './server-options.js'

const EXAMPLES = `
Examples:
  sfv worker --queue redis://queue:6379 --data /mnt/sfv             makes the clips of sfv serve --queue
  sfv worker --queue redis://queue:6379 --data /mnt/sfv --concurrency 2

--data is the folder of sfv serve, which every machine must see, and --model is its model. The packages bullmq and ioredis are needed beside sfv.`

interface Options extends ServerOptions {
  readonly queue: string
  readonly data: string
}

/** `sfv worker`. */
export function workerCommand(): Command {
  const command = new Command('worker')
    .description('make the clips that sfv serve --queue has asked for')
    .requiredOption('--queue <url>', 'Redis or Valkey of sfv serve, such as redis://127.0.0.1:6379')
    .requiredOption('--data <dir>', 'folder of sfv serve, shared by all machines')
  return withServerOptions(command).addHelpText('after', EXAMPLES).action(start)
}

async function start(options: Options): Promise<void> {
  const { startWorker } = await import('../server/redis-worker.js')
  const running = await startWorker({ ...options, precision: 'auto', threads: threadsOfEach(options) })
  process.stderr.write(`waiting for clips of ${options.queue.replace(/\/\/.*@/, '//')}\n`)
  await runUntilTold(running, options.grace)
}
