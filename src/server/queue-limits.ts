import { ApiError } from './api-error.js'
import type { Job } from './job.js'

/** Seconds after which a client that was refused may try again. */
const RETRY_AFTER = 10

/** What the queue takes. */
export interface QueueLimits {
  /** Jobs that wait, of all tokens. */
  readonly queued: number
  /** Jobs of one token that wait. */
  readonly queuedPerToken: number
  /** Jobs of one token that run at a time. */
  readonly runningPerToken: number
  /** Bytes of pictures of one token's jobs that wait. */
  readonly bytesPerToken: number
}

/**
 * Checks that one more job may wait.
 *
 * @param waiting the jobs that wait already
 * @throws ApiError when the queue is full, or the token has used up what it may.
 */
export function checkLimits(
  { owner, inputBytes }: Job,
  waiting: Iterable<Job>,
  { queued, queuedPerToken, bytesPerToken }: QueueLimits,
): void {
  let [all, count, bytes] = [0, 0, inputBytes]
  for (const other of waiting) {
    all++
    if (other.owner !== owner) continue
    count++
    bytes += other.inputBytes
  }
  const refuse = (what: string) => new ApiError(429, 'queue_full', `${what}; try again later`, null, retryLater())
  if (all >= queued) throw refuse(`${queued} clips wait already`)
  if (count >= queuedPerToken) throw refuse(`${queuedPerToken} of your clips wait already`)
  if (bytes > bytesPerToken) throw refuse(`the pictures of your clips that wait have more than ${bytesPerToken} bytes`)
}

/** The header that tells a client when to try again. */
export function retryLater(): Record<string, string> {
  return { 'Retry-After': `${RETRY_AFTER}` }
}
