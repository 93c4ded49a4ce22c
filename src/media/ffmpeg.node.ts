import { spawn } from 'node:child_process'
import { UserError } from '../errors.js'
import type { DecodedClip, Sampling } from './decode.node.js'
import { framesOnScreen } from './resample.js'

/**
 * Reads a video through the `ffmpeg` on PATH. Pictures come over a pipe as PPM, raw 8-bit RGB behind a header that
 * carries the size, so that turned videos arrive upright and with their right size.
 *
 * @throws UserError when there is no ffmpeg, or when it cannot read the file.
 */
export async function decodeVideo(path: string, sampling?: Sampling): Promise<DecodedClip> {
  // `file:` keeps a name such as `concat:a.mp4` or `-x.mp4` from being read as anything but a file.
  const filters = sampling ? sampledFilters(sampling) : 'showinfo'
  const { stdout, stderr } = await runFfmpeg(path, [
    ...['-hide_banner', '-nostdin', '-i', `file:${path}`, '-an', '-sn', '-dn', '-vf', filters],
    ...['-fps_mode', 'passthrough', '-f', 'image2pipe', '-c:v', 'ppm', '-pix_fmt', 'rgb24', 'pipe:1'],
  ])
  const pages = splitPpm(stdout)
  const first = pages[0]
  if (!first) throw new UserError(`cannot read ${path}: it has no video frames; give a file with a picture track`)
  const durationsMs = sampling ? pages.map(() => 1000 / sampling.fps) : durations(stderr, pages.length)
  const shown = sampling ? framesOnScreen(durationsMs, sampling.fps, sampling.minFrames) : pages.map((_, i) => i)
  const data = new Uint8Array(shown.length * first.data.length)
  shown.forEach((index, i) => data.set(pages[index]?.data ?? first.data, i * first.data.length))
  return {
    frames: { width: first.width, height: first.height, count: shown.length, data },
    durationsMs: shown.map((index) => durationsMs[index] ?? 0),
  }
}

function sampledFilters({ fps, size: { width, height } }: Sampling): string {
  const scale = `scale=${width}:${height}:force_original_aspect_ratio=increase:flags=lanczos`
  return `fps=${fps}:round=down,${scale},crop=${width}:${height}`
}

function runFfmpeg(path: string, args: readonly string[]): Promise<{ stdout: Buffer; stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn('ffmpeg', args, { stdio: ['ignore', 'pipe', 'pipe'] })
    const out: Buffer[] = []
    const err: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk))
    child.on('error', (error: NodeJS.ErrnoException) => {
      const reason = error.code === 'ENOENT' ? 'videos are read by ffmpeg, which is not on PATH' : error.message
      reject(
        new UserError(`cannot read ${path}: ${reason}; install ffmpeg (ffmpeg.org) or give a GIF or animated WebP`),
      )
    })
    child.on('close', (code) => {
      const stderr = Buffer.concat(err).toString()
      if (code === 0) return resolve({ stdout: Buffer.concat(out), stderr })
      const reason = stderr.trim().split('\n').at(-1) ?? `exit code ${code}`
      reject(new UserError(`cannot read ${path}: ffmpeg says "${reason}"; give a whole video file`))
    })
  })
}

interface PpmPicture {
  readonly width: number
  readonly height: number
  readonly data: Uint8Array
}

/** Splits binary PPM pictures of 8 bits, one after another: `P6`, width, height, 255, then the pixels. */
function splitPpm(stream: Buffer): PpmPicture[] {
  const pictures: PpmPicture[] = []
  for (let at = 0; at < stream.length;) {
    const header = /^P6\s(\d+)\s(\d+)\s255\s/.exec(stream.toString('latin1', at, at + 32))
    if (!header) throw new Error(`ffmpeg sent no PPM header at byte ${at}`)
    const [width, height] = [Number(header[1]), Number(header[2])]
    const start = at + header[0].length
    at = start + width * height * 3
    pictures.push({ width, height, data: stream.subarray(start, at) })
  }
  return pictures
}

/** Durations in milliseconds, from the presentation times that the `showinfo` filter prints; the last repeats. */
function durations(log: string, count: number): number[] {
  const times = [...log.matchAll(/\bn:\s*\d+\s.*?pts_time:\s*([\d.]+)/g)].map((match) => Number(match[1]) * 1000)
  const steps = times.slice(1).map((time, i) => time - (times[i] ?? 0))
  const last = steps.at(-1) ?? 40
  return Array.from({ length: count }, (_, i) => steps[i] ?? last)
}
