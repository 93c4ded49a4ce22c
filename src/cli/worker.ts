import { Command } from 'commander'
import { UsageError } from './options.js'
import { runUntilTold, threadsOfEach, withServerOptions, type ServerOptions } from './server-options.js'

const EXAMPLES = `
Examples:
  sfv worker --queue redis://queue:6379 --data /mnt/sfv             makes the clips of sfv serve --queue
  sfv worker --queue redis://queue:6379 --data /mnt/sfv --concurrency 2
  sfv worker --queue redis://queue:6379 --storage s3://clips

--data is the folder of sfv serve, which every machine must see; --storage and --model are those of sfv serve.
The packages bullmq and ioredis are needed beside sfv, and @aws-sdk/client-s3 for --storage.`

interface Options extends ServerOptions {
  readonly queue: string
  readonly data?: string
  readonly storage?: string
}

/** `sfv worker`. */
export function workerCommand(): Command {
  const command = new Command('worker')
    .description('make the clips that sfv serve --queue has asked for')
    .requiredOption('--queue <url>', 'Redis or Valkey of sfv serve, such as redis://127.0.0.1:6379')
    .option('--data <dir>', 'folder of sfv serve, shared by all machines')
    .option('--storage <place>', 'bucket of sfv serve: s3://BUCKET/PREFIX')
  return withServerOptions(command).addHelpText('after', EXAMPLES).action(start)
}

async function start({ data, storage: bucket, ...options }: Options): Promise<void> {
  const storage = bucket ?? data
  if (storage === undefined || (bucket !== undefined && data !== undefined))
    throw new UsageError('give --data with the folder of sfv serve, or --storage with its bucket')
  const { startWorker } = await import('../server/redis-worker.js')
  const running = await startWorker({ ...options, storage, precision: 'auto', threads: threadsOfEach(options) })
  await runUntilTold(running, options.grace, `waiting for clips of ${options.queue.replace(/\/\/.*@/, '//')}`)
}
