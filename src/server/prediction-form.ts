import { z } from 'zod'
import type { Job } from './job.js'
import type { Service } from './context.js'
import { OBJECT, settingFields } from './video-request.js'

/** The fields of `POST /v1/predictions` (Replicate's HTTP API, "Create a prediction"). */
export const predictionRequest = z.strictObject(
  {
    version: z.string().max(200).optional().describe('The name of the model, or SHA-256 of its files'),
    input: z.strictObject(
      {
        image: z.string('give a data URL').describe('The picture, as a data URL'),
        prompt: z.string().max(32_000).optional().describe('Kept. The models see the picture alone'),
        ...settingFields,
      },
      OBJECT,
    ),
    webhook: z.string().max(2000).optional().describe('Who is told; signed as Standard Webhooks are'),
    webhook_events_filter: z
      .array(z.enum(['start', 'output', 'logs', 'completed']))
      .optional()
      .describe('Of what. Default: all'),
    stream: z.boolean().optional().describe('Not used: output comes at the end'),
  },
  OBJECT,
)

/** A prediction as Replicate's clients read it. */
export const predictionSchema = z.object({
  id: z.string(),
  model: z.string(),
  version: z.string(),
  input: z.record(z.string(), z.unknown()),
  output: z.union([z.string(), z.array(z.string())]).nullable(),
  error: z.string().nullable(),
  logs: z.string(),
  status: z.enum(['starting', 'processing', 'succeeded', 'failed', 'canceled']),
  created_at: z.string(),
  started_at: z.string().nullable(),
  completed_at: z.string().nullable(),
  metrics: z.object({ predict_time: z.number().optional() }),
  urls: z.object({ get: z.string(), cancel: z.string() }),
})

/** How Replicate calls the states. */
const STATES = {
  queued: 'starting',
  in_progress: 'processing',
  completed: 'succeeded',
  failed: 'failed',
  canceled: 'canceled',
} as const satisfies Record<Job['state'], string>

/**
 * A job as a prediction.
 *
 * @param base the server's address as the client knows it
 */
export function predictionOf(job: Job, { model, queue }: Service, base: string): z.output<typeof predictionSchema> {
  const time = (at: number | undefined) => (at === undefined ? null : new Date(at).toISOString())
  const url = `${base}/v1/predictions/${job.id}`
  const files = job.formats.map((format) => `${url}/output/${format}`)
  const output = files.length === 1 ? files[0]! : files
  const percent = queue.progressOf(job.id)?.percent
  const { startedAt, completedAt } = job
  const { settings } = job
  return {
    id: job.id,
    model: job.model,
    version: model.digest,
    input: { ...settings, format: job.formats.join(',') },
    output: job.state === 'completed' ? output : null,
    error: job.error?.message ?? null,
    logs: percent === undefined ? '' : `${percent} %`,
    status: STATES[job.state],
    created_at: new Date(job.createdAt).toISOString(),
    started_at: time(startedAt),
    completed_at: time(completedAt),
    metrics:
      startedAt !== undefined && completedAt !== undefined ? { predict_time: (completedAt - startedAt) / 1000 } : {},
    urls: { get: url, cancel: `${url}/cancel` },
  }
}
