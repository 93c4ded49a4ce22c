import { createHash } from 'node:crypto'
import type { CheckedSettings } from '../pipeline/settings.js'

/** The formats of a clip that is one file, as the API offers them. */
export const CLIP_FORMATS = ['mp4', 'webm', 'webp', 'gif', 'apng'] as const

/** One of them. */
export type ClipFormat = (typeof CLIP_FORMATS)[number]

/** Where a job stands. `canceled` is shown by predictions alone: a video that is canceled is gone. */
export type JobState = 'queued' | 'in_progress' | 'completed' | 'failed' | 'canceled'

/** Settings of which nothing is left to chance or to the model, so that they tell the clip. */
export type ClipSettings = CheckedSettings & {
  readonly seed: number
  readonly frames: number
  readonly width: number
  readonly height: number
}

/** What makes a clip: the same execution makes the same bytes. */
export interface Execution {
  /** SHA-256 of model, picture and settings with the seed, in hexadecimal. */
  readonly identity: string
  /** SHA-256 of the picture's file, which is its name in the folder of inputs. */
  readonly input: string
  readonly settings: ClipSettings
  readonly formats: readonly ClipFormat[]
}

/** Who is told when a job ends, and of what. */
export interface Webhook {
  readonly url: string
  /** The server's address as its client knows it. */
  readonly base: string
  readonly events: readonly ('start' | 'output' | 'logs' | 'completed')[]
}

/** A clip that somebody asked for, as it lies on disk. */
export interface Job extends Execution {
  readonly id: string
  /** The name of the token that it was asked with. */
  readonly owner: string
  readonly kind: 'video' | 'prediction'
  readonly model: string
  readonly prompt: string | null
  readonly inputBytes: number
  readonly createdAt: number
  readonly state: JobState
  /** Workers that died of it. */
  readonly deaths: number
  readonly startedAt?: number
  readonly completedAt?: number
  readonly error?: { readonly code: string; readonly message: string }
  readonly webhook?: Webhook
}

/** Where a job that runs has come to. */
export interface JobProgress {
  readonly stage: string
  /** 0 to 100. */
  readonly percent: number
}

/**
 * What a clip is told by: two requests that agree in it get the same bytes.
 *
 * @param model SHA-256 of the model's files
 * @param input SHA-256 of the picture's file
 * @param settings in any order of fields
 * @returns SHA-256 in hexadecimal
 */
export function identityOf(model: string, input: string, settings: ClipSettings): string {
  const sorted = Object.entries(settings)
    .filter(([, value]) => value !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
  return sha256(JSON.stringify(['sfv-job-1', model, input, sorted]))
}

/** The id of a job: one for each owner, kind, clip and formats, so that the same request twice is the same job. */
export function jobId(
  owner: string,
  kind: Job['kind'],
  { identity, formats }: Omit<Execution, 'input' | 'settings'>,
): string {
  const digest = sha256(JSON.stringify([owner, kind, identity, formats])).slice(0, 40)
  return kind === 'video' ? `video_${digest}` : digest
}

/** SHA-256 in hexadecimal. */
export function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex')
}

/** Whether a job has come to its end. */
export function isOver({ state }: Pick<Job, 'state'>): boolean {
  return state === 'completed' || state === 'failed' || state === 'canceled'
}
