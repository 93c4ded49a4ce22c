import { UserError } from '../errors.js'
import { onWhite, type ClipFrame, type Sampling } from './clip-frame.js'
import { describeWithFfmpeg, inputName, runFfmpeg } from './ffmpeg.node.js'

/**
 * Reads a video through the `ffmpeg` on PATH, picture by picture: upright, with square pixels, on white where it is
 * transparent. ffmpeg scales and drops pictures itself, so that a long or large video needs little memory here.
 *
 * @param sampling the video's own pictures and size unless told
 * @throws UserError when there is no ffmpeg, or when it cannot read the file.
 */
export async function* videoFrames(path: string, sampling?: Sampling): AsyncGenerator<ClipFrame> {
  const { decoders, transparent } = readStreams(await describeWithFfmpeg(path))
  const filters = [
    ...(sampling ? [`fps=${sampling.fps}:round=down`] : []),
    // Scaling colours that are multiplied by their opacity keeps what lies hidden below out of the edges.
    ...(transparent ? ['format=gbrap', 'premultiply=inplace=1'] : []),
    ...sizeFilters(sampling),
    // One picture a tick: then no version of ffmpeg repeats or drops any on the way out.
    ...['setsar=1', 'settb=1/25', 'setpts=N'],
  ]
  const chunks = runFfmpeg(path, [
    ...[...decoders, '-i', inputName(path), '-an', '-sn', '-dn', '-vf', filters.join(','), '-r', '25'],
    ...(sampling?.maxFrames === undefined ? [] : ['-frames:v', `${sampling.maxFrames}`]),
    ...['-f', 'image2pipe', '-c:v', 'pam', '-pix_fmt', transparent ? 'rgba' : 'rgb24', 'pipe:1'],
  ])
  const minimum = Math.min(sampling?.minFrames ?? 1, sampling?.maxFrames ?? Infinity)
  const first: ClipFrame[] = []
  let count = 0
  for await (const { width, height, data } of pamPictures(chunks)) {
    const picture = transparent ? onWhite(data, width, height, true) : { width, height, data }
    if (count++ < minimum) first.push(picture)
    yield picture
  }
  if (count === 0) throw new UserError(`cannot read ${path}: it has no video frames; give a file with a picture track`)
  for (let i = count; count > 1 && i < minimum; i++) yield first[i % count]!
}

/** Filters that make square pixels of the wanted size; the constant `dar` is the shape that players show. */
function sizeFilters(sampling?: Sampling): string[] {
  if (!sampling) return [`scale=w='trunc(max(iw,iw*sar)+0.5)':h='trunc(max(ih,ih/sar)+0.5)'`]
  const { width, height } = sampling.size
  const sides = (bound: 'max' | 'min') =>
    `scale=w='trunc(${bound}(${width},${height}*dar)+0.5)':h='trunc(${bound}(${height},${width}/dar)+0.5)':flags=lanczos`
  switch (sampling.fit ?? 'cover') {
    case 'cover':
      return [sides('max'), `crop=${width}:${height}`]
    case 'contain':
      return [sides('min'), `pad=${width}:${height}:(ow-iw)/2:(oh-ih)/2:white`]
    case 'stretch':
      return [`scale=${width}:${height}:flags=lanczos`]
  }
}

/** Pixel formats with opacity, and the palette, which may have it (`ffmpeg -pix_fmts`). */
const WITH_ALPHA = /^(yuva|rgba|bgra|argb|abgr|gbrap|ya8|ya16|ayuv|vuya|pal8)/

/** VP8 and VP9 keep opacity beside the pictures, where only these decoders look for it. */
const ALPHA_DECODERS: Readonly<Record<string, string>> = { vp8: 'libvpx', vp9: 'libvpx-vp9' }

/** What `ffmpeg -i` says of the picture tracks: options that choose decoders, and whether any track has opacity. */
function readStreams(log: string): { decoders: string[]; transparent: boolean } {
  const decoders: string[] = []
  let transparent = false
  const tracks = log.split(/^ *Stream #/m).filter((text) => /^\S+ Video: /.test(text))
  for (const [index, track] of tracks.entries()) {
    const [, codec = '', format = ''] = /Video: (\w+)[^,\n]*, (\w+)/.exec(track) ?? []
    const decoder = /^\s*alpha_mode\s*: 1\s*$/im.test(track) ? ALPHA_DECODERS[codec] : undefined
    if (decoder !== undefined) decoders.push(`-c:v:${index}`, decoder)
    transparent ||= decoder !== undefined || WITH_ALPHA.test(format)
  }
  return { decoders, transparent }
}

interface PamPicture {
  readonly width: number
  readonly height: number
  readonly data: Uint8Array
}

/** The longest header that is looked for. */
const HEADER_LENGTH = 256

/** Pictures of 8 bits in PAM format, one after another: `P7`, fields by name, `ENDHDR`, then the pixels. */
async function* pamPictures(chunks: AsyncIterable<Buffer>): AsyncGenerator<PamPicture> {
  let head = Buffer.alloc(0)
  let picture: PamPicture | undefined
  let filled = 0
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length;) {
      if (!picture) {
        const before = head.length
        head = Buffer.concat([head, chunk.subarray(at, at + HEADER_LENGTH)])
        const end = head.indexOf('ENDHDR\n')
        if (end < 0 && head.length >= HEADER_LENGTH) throw new Error('ffmpeg sent no PAM header')
        at += end < 0 ? head.length - before : end + 'ENDHDR\n'.length - before
        if (end < 0) continue
        picture = emptyPicture(head.toString('latin1', 0, end))
        head = Buffer.alloc(0)
        filled = 0
      }
      const part = chunk.subarray(at, at + picture.data.length - filled)
      picture.data.set(part, filled)
      filled += part.length
      at += part.length
      if (filled < picture.data.length) continue
      yield picture
      picture = undefined
    }
  }
}

function emptyPicture(header: string): PamPicture {
  const field = (name: string) => Number(new RegExp(`${name} (\\d+)`).exec(header)?.[1])
  const [width, height] = [field('WIDTH'), field('HEIGHT')]
  return { width, height, data: new Uint8Array(width * height * field('DEPTH')) }
}
