import { fileURLToPath } from 'node:url'
import { UserError } from '../errors.js'
import type { Picture } from './frames.js'
import { readImage } from './image.node.js'
import { checkPicture, nameOfValue } from './picture.js'

/**
 * A picture as it is given in Node: pixels, the path or `file:` address of a picture file, or its bytes in any form.
 */
export type PictureInput =
  Picture | string | URL | Uint8Array | ArrayBuffer | Blob | ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>

/**
 * The pixels of a picture.
 *
 * @throws UserError when it cannot be read, or is nothing of what may be given.
 */
export async function pictureOf(input: PictureInput): Promise<Picture> {
  if (typeof input === 'string' || input instanceof Uint8Array) return readImage(input)
  if (input instanceof URL) return readImage(input.protocol === 'file:' ? pathOf(input) : input.href)
  if (input instanceof ArrayBuffer) return readImage(new Uint8Array(input))
  if (input instanceof Blob) return readImage(new Uint8Array(await input.arrayBuffer()), nameOfBlob(input))
  if (isStream(input)) return readImage(await bytesOf(input))
  checkPicture(input, 'the picture', CHOICES)
  return input
}

/** A picture as it may be sent to a thread, which reads it there: all but streams, and addresses as text. */
export type SendablePicture = Picture | string | Uint8Array | ArrayBuffer | Blob

/**
 * A picture ready to be sent to a thread: what is no picture is refused here, streams are read to their end.
 *
 * @throws UserError when it is nothing of what may be given, or a stream breaks off.
 */
export async function sendablePicture(input: PictureInput): Promise<SendablePicture> {
  if (input instanceof URL) return input.protocol === 'file:' ? pathOf(input) : input.href
  if (typeof input === 'string' || input instanceof ArrayBuffer || input instanceof Blob) return input
  // Of a view the thread is sent the bytes alone, not all of its buffer.
  if (input instanceof Uint8Array) return Uint8Array.from(input)
  if (isStream(input)) return bytesOf(input)
  checkPicture(input, 'the picture', CHOICES)
  const { width, height, data, alpha } = input
  return { width, height, data: data.slice(), ...(alpha && { alpha: alpha.slice() }) }
}

/** What may be given as a picture, in words. */
const CHOICES = 'pixels, a path, or the bytes of a picture file'

/** `File` is a global from Node 20 on alone. */
function nameOfBlob(blob: Blob): string {
  return 'name' in blob && typeof blob.name === 'string' && blob.name !== '' ? blob.name : 'the picture'
}

function pathOf(url: URL): string {
  try {
    return fileURLToPath(url)
  } catch (error) {
    throw new UserError(`cannot read ${url.href}: ${(error as Error).message}; give the path of a picture file`)
  }
}

function isStream(input: unknown): input is AsyncIterable<Uint8Array> {
  return typeof input === 'object' && input !== null && Symbol.asyncIterator in input
}

async function bytesOf(stream: AsyncIterable<unknown>): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  try {
    for await (const part of stream) {
      if (!(part instanceof Uint8Array)) {
        throw new UserError(`the picture is a stream of ${nameOfValue(part)}; give one of bytes`)
      }
      parts.push(part)
    }
  } catch (error) {
    if (error instanceof UserError) throw error
    throw new UserError(`cannot read the picture: its stream broke off: ${(error as Error).message}; give it again`)
  }
  return Buffer.concat(parts)
}
