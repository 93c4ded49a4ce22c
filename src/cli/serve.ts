import { Command } from 'commander'
import type { Precision } from '../svd/device-traits.js'
import { UsageError, whole } from './options.js'
import { runUntilTold, threadsOfEach, withServerOptions, type ServerOptions } from './server-options.js'

const EXAMPLES = `
Examples:
  sfv serve                                            http://127.0.0.1:8080 for programs of this machine
  sfv serve --host 0.0.0.0 --token-file tokens.txt     for others too; each line of the file is NAME TOKEN
  sfv serve --model svd --concurrency 2 --data /srv/sfv
  sfv serve --data /mnt/sfv --queue redis://queue:6379 clips are made by sfv worker, on as many machines as wanted

The API is OpenAI's for videos, and Replicate's for predictions: see http://127.0.0.1:8080/docs and docs/serving.md.
Ctrl-C and SIGTERM end it: what runs is finished within --grace seconds, the rest is made after the next start.`

interface Options extends ServerOptions {
  readonly port: number
  readonly host: string
  readonly data: string
  readonly queue?: string
  readonly tokenFile?: string
  readonly allowUrl?: readonly string[]
  readonly allowOrigin?: readonly string[]
  readonly maxQueued: number
  readonly maxPerToken: number
  readonly maxBody: number
}

/** `sfv serve`. */
export function serveCommand(): Command {
  const command = new Command('serve')
    .description('answer HTTP requests for clips, with a queue on disk')
    .option('--port <n>', 'port to listen at; 0 is any that is free', whole('--port', 0, 65_535), 8080)
    .option('--host <address>', 'address to listen at; others than 127.0.0.1 want --token-file', '127.0.0.1')
    .option('--data <dir>', 'folder of jobs, pictures and clips', 'sfv-data')
    .option(
      '--queue <url>',
      'Redis whose `sfv worker`s make the clips, such as redis://127.0.0.1:6379 (default: this machine does)',
    )
    .option('--token-file <file>', 'tokens that may use the API, one a line: NAME TOKEN')
    .option(
      '--allow-url <hosts...>',
      'hosts that pictures may be fetched from, and webhooks sent to in a private network',
    )
    .option('--allow-origin <origins...>', 'origins of other sites whose pages may call the API')
    .option(
      '--max-queued <n>',
      'clips that may wait; more are refused with 429',
      whole('--max-queued', 1, 1_000_000),
      1000,
    )
    .option('--max-per-token <n>', 'clips of one token that may wait', whole('--max-per-token', 1, 1_000_000), 1000)
    .option('--max-body <MB>', 'most megabytes of a request', whole('--max-body', 1, 1000), 20)
  return withServerOptions(command).addHelpText('after', EXAMPLES).action(start)
}

async function start({
  maxQueued,
  maxPerToken,
  maxBody,
  allowUrl = [],
  allowOrigin = [],
  ...options
}: Options): Promise<void> {
  if (options.tokenFile === undefined && !/^(127(\.\d+){3}|localhost|::1)$/.test(options.host)) {
    throw new UsageError(
      `--host is ${options.host}, which other machines reach; give --token-file, or --host 127.0.0.1`,
    )
  }
  const { serve } = await import('../server/serve.js')
  const running = await serve({
    ...options,
    precision: 'auto' satisfies Precision,
    threads: threadsOfEach(options),
    allowUrl,
    allowOrigin,
    requestLimit: 60,
    limits: {
      queued: maxQueued,
      queuedPerToken: maxPerToken,
      runningPerToken: options.queue === undefined ? options.concurrency : Infinity,
      bytesPerToken: 1e9,
      bytes: maxBody * 1e6,
      pixels: 64e6,
    },
  })
  process.stderr.write(`listening at ${running.url}, API at ${running.url}/docs\n`)
  await runUntilTold(running, options.grace)
}
