import { readFile, stat } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { BufferSource, Input, MP4, WEBM } from 'mediabunny'
import sharp from 'sharp'
import { z } from 'zod'
import { UserError } from '../errors.js'
import { readPngChunks } from './encode/png-chunks.js'

const schema = z.record(z.string(), z.string())

/**
 * What a clip that sfv wrote tells about its making: the metadata of `ClipContent`.
 *
 * @param path a file, or a folder of frames
 * @throws UserError when it cannot be read, or has none.
 */
export async function readMetadata(path: string): Promise<Readonly<Record<string, string>>> {
  const bad = (reason: string) => new UserError(`cannot read the settings in ${path}: ${reason}`)
  const fail = (error: Error) => {
    throw bad(`${error.message}; give a clip that sfv wrote`)
  }
  const file = (await stat(path).catch(fail)).isDirectory() ? join(path, 'frame-00.png') : path
  const bytes = await readFile(file).catch(fail)
  try {
    const comment = await commentIn(bytes, extname(file).toLowerCase())
    return schema.parse(JSON.parse(comment ?? ''))
  } catch {
    throw bad('it has none; give a clip that sfv wrote, and that no other program has changed')
  }
}

async function commentIn(bytes: Uint8Array, ending: string): Promise<string | undefined> {
  switch (ending) {
    case '.webp': {
      const { xmpAsString } = await sharp(bytes).metadata()
      const text = /<rdf:li[^>]*>(.*?)<\/rdf:li>/.exec(xmpAsString ?? '')?.[1]
      return text?.replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)))
    }
    case '.gif':
      return gifComment(Buffer.from(bytes))
    case '.mp4':
    case '.webm': {
      const { comment } = await new Input({ source: new BufferSource(bytes), formats: [MP4, WEBM] }).getMetadataTags()
      return comment
    }
    default: {
      const texts = readPngChunks(bytes).filter(({ type }) => type === 'tEXt')
      const comment = texts
        .map(({ data }) => Buffer.from(data).toString('latin1'))
        .find((text) => /^Comment\0/.test(text))
      return comment?.slice('Comment\0'.length)
    }
  }
}

/** The comment extension of a GIF (GIF89a, 24), which sfv writes behind all pictures: blocks of up to 255 bytes. */
function gifComment(gif: Buffer): string {
  let at = gif.lastIndexOf(Buffer.from([0x21, 0xfe])) + 2
  let text = ''
  for (let length = gif[at] ?? 0; length > 0; length = gif[at] ?? 0) {
    text += gif.toString('latin1', at + 1, at + 1 + length)
    at += 1 + length
  }
  return text
}
