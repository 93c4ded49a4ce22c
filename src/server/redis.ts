import type * as bullmq from 'bullmq'
import type * as ioredis from 'ioredis'
import { UserError } from '../errors.js'

/** The packages that a queue on Redis needs, which sfv does without otherwise. */
export interface RedisPackages {
  readonly bullmq: typeof bullmq
  readonly ioredis: Pick<typeof ioredis, 'Redis'>
}

/**
 * Loads them.
 *
 * @throws UserError when they are not installed.
 */
export async function redisPackages(): Promise<RedisPackages> {
  try {
    return { bullmq: await import('bullmq'), ioredis: await import('ioredis') }
  } catch {
    throw new UserError('--queue needs the packages bullmq and ioredis; install them with npm install bullmq ioredis')
  }
}

/** How long Redis may be away when a program starts, in milliseconds. */
const PATIENCE_MS = 10_000

/**
 * A connection that is made again whenever it breaks.
 *
 * @param url `redis://` or `rediss://`
 * @throws UserError when it is no such address, or nothing answers there at first.
 */
export async function connect(url: string, packages: RedisPackages): Promise<ioredis.Redis> {
  if (!/^rediss?:\/\//.test(url) || !URL.canParse(url)) {
    const shown = url.replace(/\/\/.*@/, '//')
    throw new UserError(`--queue is ${shown}; give the address of a Redis or Valkey, such as redis://127.0.0.1:6379`)
  }
  const redis = new packages.ioredis.Redis(url, {
    maxRetriesPerRequest: null,
    lazyConnect: true,
    retryStrategy: (times) => Math.min(times * 100, 2000),
  })
  let last = 'nothing answers'
  // A connection that breaks is made again; an error without a listener would end the process.
  redis.on('error', (error) => (last = error.message))
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(last)), PATIENCE_MS)
  })
  try {
    await Promise.race([redis.ping(), timeout])
  } catch (error) {
    redis.disconnect()
    const { message } = error as Error
    const why = /^(NOAUTH|WRONGPASS)/.test(message)
      ? 'it wants another password; give it as redis://USER:PASSWORD@HOST:6379'
      : `${message}; start Redis, or check --queue`
    throw new UserError(`cannot reach the queue at ${new URL(url).host}: ${why}`)
  } finally {
    clearTimeout(timer)
  }
  return redis
}

/** Where the workers of a queue are told which clip nobody wants any longer. */
export function cancelChannel(queue: string): string {
  return `${queue}:cancel`
}

/** The queue of the clips of one model: workers that have another model take none of them. */
export function queueName(digest: string): string {
  return `sfv-${digest.slice(0, 16)}`
}
