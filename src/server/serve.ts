import { serve as listen, type ServerType } from '@hono/node-server'
import { existsSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { UserError } from '../errors.js'
import { createApp } from './app.js'
import { ClipFiles } from './clip-files.js'
import { DataFolder } from './data-folder.js'
import type { Executor } from './executor.js'
import { lockFolder } from './folder-lock.js'
import { JobQueue } from './job-queue.js'
import { JobStore } from './job-store.js'
import { Metrics } from './metrics.js'
import { identifyModel, type ModelIdentity } from './model-identity.js'
import { Outbound } from './outbound.js'
import type { PictureLimits } from './picture-intake.js'
import type { QueueLimits } from './queue-limits.js'
import { RedisExecutor } from './redis-executor.js'
import { openStorage } from './storage.js'
import { Tokens } from './tokens.js'
import { Webhooks } from './webhooks.js'
import { WorkerPool } from './worker-pool.js'
import type { WorkerOptions } from './worker-messages.js'

/** How a service is run. */
export interface ServeOptions extends Omit<WorkerOptions, 'storage'> {
  readonly host: string
  /** 0 is any that is free. */
  readonly port: number
  /** The folder of jobs, and of pictures and clips unless there is another storage for these. */
  readonly data: string
  /** Where pictures and clips lie instead: `s3://BUCKET/PREFIX`. */
  readonly storage?: string | undefined
  /** The address of the Redis whose workers make the clips; without, they are made on this machine. */
  readonly queue?: string | undefined
  /** Worker processes of this machine, which make one clip at a time each. */
  readonly concurrency: number
  readonly tokenFile?: string | undefined
  readonly allowUrl: readonly string[]
  readonly allowOrigin: readonly string[]
  readonly limits: QueueLimits & PictureLimits
  /** Seconds that a clip may take. */
  readonly timeLimit: number
  /** Seconds that a client may take for sending a request. */
  readonly requestLimit: number
  /** Where the studio's files lie. Default: where `npm run build` puts them, if they are there. */
  readonly studio?: string | undefined
}

/** A service that runs. */
export interface Running {
  readonly url: string
  readonly queue: JobQueue
  readonly executor: Executor
  readonly model: ModelIdentity
  /**
   * Takes no more jobs, lets what runs finish within `grace` seconds, and ends. Nothing is lost: the rest stays queued.
   */
  close(grace: number): Promise<void>
}

/** src/server and dist/server lie equally deep, as does dist/bin. */
const STUDIO = fileURLToPath(new URL('../../dist-studio', import.meta.url))

/**
 * Starts a service: HTTP and the queue in this process, the model in processes of its own, here or on other machines.
 *
 * @throws UserError when the model cannot be opened, the folder is used by another service, or the port is taken.
 */
export async function serve(options: ServeOptions): Promise<Running> {
  const { host, port, tokenFile, allowUrl, allowOrigin, limits, concurrency, timeLimit, device, precision, threads } =
    options
  const tokens = tokenFile === undefined ? Tokens.none : await Tokens.read(tokenFile)
  const model = await identifyModel(options.model)
  const data = await DataFolder.open(options.data)
  const unlock = await lockFolder(options.data)
  let executor: Executor | undefined
  try {
    await data.sweep()
    const storage = options.storage ?? options.data
    const files = new ClipFiles(await openStorage(storage))
    const metrics = new Metrics()
    executor =
      options.queue === undefined
        ? await WorkerPool.open({
            ...{ model: model.folder, storage, device, precision, threads, timeLimit, count: concurrency },
            onDeath: () => metrics.died(),
          })
        : await RedisExecutor.open(options.queue, model.digest, files)
    const queue = new JobQueue(await JobStore.open(data.jobs), files, executor, limits)
    metrics.watch(queue)
    const service = {
      queue,
      data,
      model,
      tokens,
      metrics,
      limits,
      outbound: new Outbound(allowUrl),
      origins: allowOrigin,
    }
    const webhooks = new Webhooks(service)
    const studio = options.studio ?? (existsSync(STUDIO) ? STUDIO : undefined)
    const server = await listening(createApp(service, studio).fetch, host, port, options.requestLimit)
    queue.start()
    return {
      url: `http://${host.includes(':') ? `[${host}]` : host}:${(server.address() as AddressInfo).port}`,
      queue,
      executor,
      model,
      close: async (grace) => {
        queue.stop()
        await queue.close(grace)
        await webhooks.close()
        await service.outbound.close()
        await stopped(server)
        await unlock()
      },
    }
  } catch (error) {
    await executor?.close()
    await unlock()
    throw error
  }
}

function listening(
  fetch: Parameters<typeof listen>[0]['fetch'],
  hostname: string,
  port: number,
  requestLimit: number,
): Promise<ServerType> {
  return new Promise((resolve, reject) => {
    const milliseconds = requestLimit * 1000
    const serverOptions = {
      // A client that sends its request drop by drop is answered with 408 and let go.
      headersTimeout: Math.min(milliseconds, 10_000),
      requestTimeout: milliseconds,
      connectionsCheckingInterval: Math.min(milliseconds, 1000),
      maxHeaderSize: 16_384,
      // Longer than proxies keep a connection, which else meet one that is being closed.
      keepAliveTimeout: 75_000,
    }
    const server = listen({ fetch, hostname, port, serverOptions }, () => resolve(server))
    server.once('error', (error: NodeJS.ErrnoException) => {
      const reason =
        error.code === 'EADDRINUSE'
          ? 'another program uses it; choose another --port'
          : `${error.message}; check --host and --port`
      reject(new UserError(`cannot listen at ${hostname}:${port}: ${reason}`))
    })
  })
}

/** Closes a server, with the connections that only wait for events. */
function stopped(server: ServerType): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    if ('closeAllConnections' in server) server.closeAllConnections()
  })
}
