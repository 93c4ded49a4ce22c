import { spawn } from 'node:child_process'
import { UserError } from '../errors.js'

/** How much of what ffmpeg says is kept: its last words give the reason of a failure. */
const LOG_LENGTH = 8192

/**
 * Runs the `ffmpeg` on PATH and gives what it writes to standard output as it comes. ffmpeg waits while nobody takes
 * it, and ends when nobody wants more. Only options that all versions from 4.2 to today know are used in this project.
 *
 * @param path stands for the file in messages
 * @throws UserError when there is no ffmpeg, or when it cannot read the file.
 */
export async function* runFfmpeg(path: string, args: readonly string[]): AsyncGenerator<Buffer> {
  const child = spawn('ffmpeg', ['-hide_banner', '-nostdin', ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let log = ''
  child.stderr.on('data', (chunk: Buffer) => (log = (log + chunk.toString()).slice(-LOG_LENGTH)))
  const ended = new Promise<number | NodeJS.ErrnoException | null>((resolve) => {
    child.on('error', resolve)
    child.on('close', resolve)
  })
  try {
    for await (const chunk of child.stdout) yield chunk as Buffer
    const code = await ended
    if (code instanceof Error) throw unstartable(path, code)
    if (code !== 0) throw failure(path, log)
  } finally {
    child.kill('SIGKILL')
  }
}

/** What ffmpeg says of a file: its streams and their metadata. */
export function describeWithFfmpeg(path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn('ffmpeg', ['-hide_banner', '-nostdin', '-i', inputName(path)], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    let log = ''
    child.stderr.on('data', (chunk: Buffer) => (log = (log + chunk.toString()).slice(0, 16 * LOG_LENGTH)))
    child.on('error', (error) => reject(unstartable(path, error)))
    // Without an output it always ends with an error, after it has said what is in the file.
    child.on('close', () => (/Stream #0/.test(log) ? resolve(log) : reject(failure(path, log))))
  })
}

/** `file:` keeps a name such as `concat:a.mp4` or `-x.mp4` from being read as anything but a file. */
export function inputName(path: string): string {
  return `file:${path}`
}

function unstartable(path: string, error: NodeJS.ErrnoException): UserError {
  const reason = error.code === 'ENOENT' ? 'videos are read by ffmpeg, which is not on PATH' : error.message
  return new UserError(
    `cannot read ${path}: ${reason}; install ffmpeg 4.2 or newer (ffmpeg.org), or give a GIF or animated WebP`,
  )
}

function failure(path: string, log: string): UserError {
  const lines = log.trim().split('\n')
  const reason = lines.at(-1)?.replace(/^file:/, '') || 'nothing'
  const fix = /^Unknown (decoder|encoder)|Unrecognized option|No such filter/.test(reason)
    ? 'install a full build of ffmpeg, 4.2 or newer'
    : 'give a whole video file'
  return new UserError(`cannot read ${path}: ffmpeg says "${reason}"; ${fix}`)
}
