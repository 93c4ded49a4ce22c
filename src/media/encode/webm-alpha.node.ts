import { spawn } from 'node:child_process'
import { BufferSource, EncodedPacketSink, Input, WEBM, WebMOutputFormat } from 'mediabunny'
import { UserError } from '../../errors.js'
import type { Cut } from '../export.js'
import { withAlpha } from '../rgba.js'
import { muxFrames, type CodedFrame } from './mux.js'

/** The encoder of ffmpeg that writes opacity beside the pictures. */
const ENCODER = 'libvpx-vp9'

/** Whether the `ffmpeg` on PATH can write opacity into a WebM. */
export function canEncodeWebmAlpha(): Promise<boolean> {
  return run(['-encoders']).then(
    (listed) => listed.toString().includes(` ${ENCODER} `),
    () => false,
  )
}

/**
 * A WebM file of VP9 with opacity, by the `ffmpeg` on PATH. Its frames are put into a new file that carries times, colours
 * and metadata as all others do.
 *
 * @param quality 0 to 1
 * @throws UserError when ffmpeg cannot make it.
 */
export async function encodeWebmAlpha(cut: Cut, quality: number, signal?: AbortSignal): Promise<Uint8Array> {
  const { width, height } = cut.frames
  const rgba = withAlpha(cut.frames, cut.alpha)
  const bytes = await run(
    [
      ...['-f', 'rawvideo', '-pix_fmt', 'rgba', '-s', `${width}x${height}`, '-r', `${cut.fps}`, '-i', 'pipe:0'],
      ...['-vf', 'scale=out_color_matrix=bt601:out_range=tv', '-c:v', ENCODER, '-pix_fmt', 'yuva420p'],
      // A frame that is never shown would have no opacity beside it.
      ...['-crf', `${quantizerOf(quality)}`, '-b:v', '0', '-auto-alt-ref', '0', '-cpu-used', '2'],
      ...['-colorspace', 'smpte170m', '-color_range', 'tv', '-f', 'webm', 'pipe:1'],
    ],
    { input: rgba, signal },
  )
  signal?.throwIfAborted()
  const track = await new Input({ source: new BufferSource(bytes), formats: [WEBM] }).getPrimaryVideoTrack()
  const config = await track?.getDecoderConfig()
  if (!track || !config) throw new Error('ffmpeg made no video track')
  const coded: CodedFrame[] = []
  for await (const { data, type, sideData } of new EncodedPacketSink(track).packets()) {
    coded.push({ data, key: type === 'key', alpha: sideData.alpha })
  }
  return muxFrames(cut, coded, new WebMOutputFormat(), 'vp9', config)
}

/** The quantiser of constant quality, 0 (best) to 63, of a quality from 0 to 1. */
function quantizerOf(quality: number): number {
  return Math.min(63, Math.round(12 + 60 * Math.max(0, 0.92 - quality)))
}

/** Runs ffmpeg to its end; what it writes. */
function run(
  args: readonly string[],
  { input, signal }: { readonly input?: Uint8Array; readonly signal?: AbortSignal | undefined } = {},
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const child = spawn('ffmpeg', ['-hide_banner', '-v', 'error', ...args], signal ? { signal } : {})
    const [written, said]: [Buffer[], Buffer[]] = [[], []]
    child.stdout.on('data', (part: Buffer) => written.push(part))
    child.stderr.on('data', (part: Buffer) => said.push(part))
    child.on('error', (error) => reject(signal?.aborted ? (signal.reason as Error) : error))
    child.on('close', (code) => {
      if (code === 0) return resolve(Buffer.concat(written))
      const reason = Buffer.concat(said).toString().trim().split('\n').at(-1)
      reject(new UserError(`cannot make the webm: ffmpeg says "${reason}"; choose webp, gif or apng`))
    })
    // An ffmpeg that ends early says why; that its input is closed then says no more.
    child.stdin.on('error', () => undefined)
    child.stdin.end(input)
  })
}
