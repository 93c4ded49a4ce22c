import { fileURLToPath } from 'node:url'
import { UserError } from '../errors.js'
import type { Picture } from './frames.js'
import { readImage } from './image.node.js'
import { checkPicture, nameOfValue } from './picture.js'

/** A picture as it is given in Node: pixels, the path or `file:` address of a picture file, or its bytes in any form. */
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
  checkPicture(input, 'the picture', 'pixels, a path, or the bytes of a picture file')
  return input
}

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
