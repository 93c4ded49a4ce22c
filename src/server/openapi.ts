import { z } from 'zod'
import { packageVersion } from '../weights/packaged.node.js'
import { predictionRequest, predictionSchema } from './prediction-form.js'
import { contentQuery, listQuery, videoSchema } from './videos.js'
import { createVideoSchema } from './video-request.js'

/** One operation of the API. */
interface Operation {
  readonly method: 'get' | 'post' | 'delete'
  readonly path: string
  readonly summary: string
  readonly query?: z.ZodObject
  readonly body?: z.ZodType
  /** Whether the body may be a form with a file. */
  readonly isForm?: true
  readonly answer?: z.ZodType
  /** The type of an answer that is not JSON. */
  readonly type?: string
  readonly isOpen?: true
}

const errorSchema = z.object({
  error: z.object({ message: z.string(), type: z.string(), param: z.string().nullable(), code: z.string() }),
})
const models = z.object({
  object: z.literal('list'),
  data: z.array(z.object({ id: z.string(), object: z.literal('model'), created: z.number(), owned_by: z.string() })),
})
const page = z.object({
  object: z.literal('list'),
  data: z.array(videoSchema),
  first_id: z.string().nullable(),
  last_id: z.string().nullable(),
  has_more: z.boolean(),
})
const deleted = z.object({ id: z.string(), object: z.literal('video.deleted'), deleted: z.literal(true) })

const OPERATIONS: readonly Operation[] = [
  {
    method: 'post',
    path: '/v1/videos',
    summary: 'Asks for a clip of a picture',
    body: createVideoSchema,
    isForm: true,
    answer: videoSchema,
  },
  { method: 'get', path: '/v1/videos', summary: 'Lists your videos', query: listQuery, answer: page },
  { method: 'get', path: '/v1/videos/{id}', summary: 'How far a video is', answer: videoSchema },
  { method: 'delete', path: '/v1/videos/{id}', summary: 'Removes a video, and ends its making', answer: deleted },
  { method: 'get', path: '/v1/videos/{id}/content', summary: "A video's file", query: contentQuery, type: 'video/mp4' },
  {
    method: 'get',
    path: '/v1/videos/{id}/events',
    summary: 'Stages and percentages as they come',
    type: 'text/event-stream',
  },
  { method: 'get', path: '/v1/models', summary: 'The model that is served', answer: models },
  {
    method: 'post',
    path: '/v1/predictions',
    summary: "Asks for a clip in Replicate's form",
    body: predictionRequest,
    answer: predictionSchema,
  },
  { method: 'get', path: '/v1/predictions/{id}', summary: 'How far a prediction is', answer: predictionSchema },
  { method: 'post', path: '/v1/predictions/{id}/cancel', summary: 'Ends a prediction', answer: predictionSchema },
  { method: 'get', path: '/v1/predictions/{id}/output/{format}', summary: "A prediction's file", type: 'video/mp4' },
  {
    method: 'get',
    path: '/v1/webhooks/default/secret',
    summary: 'What webhooks are signed with',
    answer: z.object({ key: z.string() }),
  },
  { method: 'get', path: '/healthz', summary: 'Whether the server lives', type: 'text/plain', isOpen: true },
  { method: 'get', path: '/readyz', summary: 'Whether clips can be made', type: 'text/plain', isOpen: true },
  { method: 'get', path: '/metrics', summary: "Figures in Prometheus' text form", type: 'text/plain' },
]

const json = (schema: z.ZodType, io: 'input' | 'output') => {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' })
  return rest
}

/** The API as an OpenAPI 3.1 document, from the schemas that requests are checked with. */
export function openApiDocument(): object {
  const paths: Record<string, Record<string, object>> = {}
  for (const operation of OPERATIONS) (paths[operation.path] ??= {})[operation.method] = describe(operation)
  return {
    openapi: '3.1.0',
    info: { title: 'sfv', version: packageVersion(), description: 'Clips of pictures, in one forward pass' },
    paths,
    components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
    security: [{ token: [] }],
  }
}

function describe({
  method,
  path,
  summary,
  query,
  body,
  isForm,
  answer,
  type = 'application/json',
  isOpen,
}: Operation): object {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!)
  const fields = query ? (json(query, 'input') as { properties?: object }).properties : undefined
  const parameters = [
    ...names.map((name) => ({ name, in: 'path', required: true, schema: { type: 'string' } })),
    ...Object.entries(fields ?? {}).map(([name, schema]: [string, object]) => ({ name, in: 'query', schema })),
  ]
  const schema = body && json(body, 'input')
  return {
    summary,
    operationId: `${method}${path.replace(/[^a-z]+(\w?)/gi, (_, letter: string) => letter.toUpperCase())}`,
    ...(isOpen && { security: [] }),
    ...(parameters.length > 0 && { parameters }),
    ...(schema && {
      requestBody: {
        required: true,
        content: {
          'application/json': { schema },
          ...(isForm && { 'multipart/form-data': { schema: withFile(schema) } }),
        },
      },
    }),
    responses: {
      200: { description: 'Done', content: { [type]: answer ? { schema: json(answer, 'output') } : {} } },
      default: { description: 'Refused', content: { 'application/json': { schema: json(errorSchema, 'output') } } },
    },
  }
}

/** The same fields in a form, where the picture is a file. */
function withFile(schema: { properties?: Record<string, unknown> }): object {
  return { ...schema, properties: { ...schema.properties, input_reference: { type: 'string', format: 'binary' } } }
}
