import type { ContentfulStatusCode } from 'hono/utils/http-status'

/** An answer that refuses a request, in the form of OpenAI's errors. */
export class ApiError extends Error {
  override readonly name = 'ApiError'

  /**
   * @param status of HTTP
   * @param code a word that programs can tell the error by
   * @param message one sentence that says what to do
   * @param param the field that is wrong
   * @param headers further ones of the answer
   */
  constructor(
    readonly status: ContentfulStatusCode,
    readonly code: string,
    message: string,
    readonly param: string | null = null,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(message)
  }

  /** The body of the answer (OpenAI's API reference, "Errors"). */
  get body(): { error: { message: string; type: string; param: string | null; code: string } } {
    return { error: { message: this.message, type: typeOf(this.status), param: this.param, code: this.code } }
  }
}

function typeOf(status: number): string {
  if (status === 401) return 'authentication_error'
  if (status === 403) return 'permission_error'
  if (status === 429) return 'rate_limit_error'
  return status >= 500 ? 'server_error' : 'invalid_request_error'
}

/** A field of a request that is wrong. */
export function invalid(param: string, message: string): ApiError {
  return new ApiError(400, 'invalid_value', message, param)
}

/** Nothing is known under this name, or it belongs to somebody else. */
export function notFound(what: string): ApiError {
  return new ApiError(404, 'not_found', `there is no ${what}; check its id`)
}
