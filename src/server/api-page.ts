import { openApiDocument } from './openapi.js'

/** What a browser may do with the page: show it. */
export const PAGE_POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

const STYLE =
  'body{font:16px/1.5 system-ui;max-width:60rem;margin:2rem auto;padding:0 1rem}code{background:#8882;padding:.1em .3em}td{padding:.2rem .8rem .2rem 0;vertical-align:top}:root{color-scheme:light dark}'

interface Schema {
  readonly type?: string
  readonly enum?: readonly unknown[]
  readonly description?: string
  readonly properties?: Readonly<Record<string, Schema>>
}

interface Operation {
  readonly summary: string
  readonly parameters?: readonly { readonly name: string; readonly schema: Schema }[]
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> }
}

/** The OpenAPI document as a page to read, without scripts. */
export function apiPage(): string {
  const { paths } = openApiDocument() as { paths: Readonly<Record<string, Readonly<Record<string, Operation>>>> }
  const sections = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => section(method, path, operation)),
  )
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>sfv: the API</title><style>${STYLE}</style><h1>sfv: the API</h1>
<p>The same as an <a href="/openapi.json">OpenAPI 3.1 document</a>.</p>${sections.join('\n')}</html>`
}

function section(method: string, path: string, { summary, parameters = [], requestBody }: Operation): string {
  const body = requestBody?.content['application/json']?.schema.properties ?? {}
  const rows = [...parameters.map(({ name, schema }) => [name, schema] as const), ...Object.entries(body)]
  const table = rows.map(([name, schema]) => `<tr><td><code>${escape(name)}</code><td>${escape(wordsOf(schema))}`)
  return `<h2><code>${method.toUpperCase()} ${escape(path)}</code></h2><p>${escape(summary)}.</p><table>${table.join('')}</table>`
}

function wordsOf({ type, enum: values, description }: Schema): string {
  return [description, values?.join(', '), description === undefined ? type : undefined].filter(Boolean).join('. ')
}

function escape(text: string): string {
  return text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`)
}
