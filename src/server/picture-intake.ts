import { MAX_SIDE, readImageHeader } from '../media/image-header.js'
import { UserError } from '../errors.js'
import { ApiError, invalid } from './api-error.js'
import type { Outbound } from './outbound.js'

/** What pictures are taken. */
export interface PictureLimits {
  /** Bytes of a request, and of a picture that is fetched. */
  readonly bytes: number
  readonly pixels: number
}

/**
 * The bytes of a picture as a request gives it: a file, a data URL, or an address whose host is allowed. Its header
 * alone is read, by code of our own: it is decoded in a worker process.
 *
 * @param param the name of the field, for messages
 * @throws ApiError when there is none, or it is no picture that is taken.
 */
export async function takePicture(
  value: unknown,
  param: string,
  limits: PictureLimits,
  outbound: Outbound,
): Promise<Uint8Array> {
  const bytes = await bytesOf(value, param, limits, outbound)
  try {
    const { size } = readImageHeader(bytes, param)
    if (size && size.width * size.height > limits.pixels) {
      throw new UserError(
        `${param} has ${size.width} x ${size.height} pixels; scale it down to at most ${MAX_SIDE} a side and ${limits.pixels} pixels`,
      )
    }
  } catch (error) {
    throw error instanceof UserError ? new ApiError(400, 'invalid_image', error.message, param) : error
  }
  return bytes
}

async function bytesOf(value: unknown, param: string, limits: PictureLimits, outbound: Outbound): Promise<Uint8Array> {
  if (value instanceof Blob) return new Uint8Array(await value.arrayBuffer())
  if (typeof value === 'object' && value !== null && 'image_url' in value)
    return bytesOf(value.image_url, param, limits, outbound)
  if (typeof value !== 'string' || value === '')
    throw invalid(param, `${param}: give a picture, as a file or a data URL`)
  if (!value.startsWith('data:')) return outbound.fetch(value, param, limits.bytes)
  // The body limit has been applied to it already.
  const data = /^data:[\w/+.-]*(?:;[\w=.-]+)*;base64,([A-Za-z0-9+/_=-]+)$/.exec(value)?.[1]
  if (data === undefined)
    throw invalid(param, `${param}: give the data URL in base64, such as data:image/png;base64,...`)
  return Buffer.from(data, 'base64')
}
