import { readdir, readFile, stat } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { UserError } from '../errors.js'
import { gather, type ClipFrame, type DecodedClip, type Sampling } from './clip-frame.js'
import { pictureFrames } from './picture-frames.node.js'
import { videoFrames } from './video-frames.node.js'

/** What `decodeClip` may be told. */
export interface DecodeOptions {
  /** The file's own frames and size unless told. */
  readonly sampling?: Sampling
}

const PICTURES = ['.webp', '.gif', '.png', '.apng', '.jpg', '.jpeg', '.jfif', '.avif', '.tif', '.tiff']
const VIDEOS = (
  '.mp4 .webm .mov .mkv .m4v .avi .3gp .3g2 .asf .avifs .dv .f4v .flv .m2ts .m2v .mjpeg .mpeg .mpg .mts .mxf .ogg .ogm ' +
  '.ogv .qt .rm .rmvb .ts .vob .wmv .wtv .y4m'
).split(' ')

/** Whether `decodeClip` reads files of this name. */
export function isClipName(path: string): boolean {
  const extension = extname(path).toLowerCase()
  return PICTURES.includes(extension) || VIDEOS.includes(extension)
}

/** Whether a name is that of a video, which ffmpeg reads. */
export function isVideoName(path: string): boolean {
  return VIDEOS.includes(extname(path).toLowerCase())
}

/**
 * Reads a clip picture by picture, on white where it is transparent: an animated WebP, GIF or PNG, a still picture (one
 * frame), a video (through the `ffmpeg` on PATH), or a folder of frames as `Clip.save` writes it.
 *
 * @throws UserError when the file cannot be read, is none of these, or is a video and there is no ffmpeg.
 */
export async function* readFrames(path: string, { sampling }: DecodeOptions = {}): AsyncGenerator<ClipFrame> {
  const extension = extname(path).toLowerCase()
  const bad = (reason: string) => new UserError(`cannot read ${path}: ${reason}`)
  const kind = await stat(path).catch((error: Error) => {
    throw bad(`${error.message}; give the path of a clip or picture`)
  })
  if (kind.isDirectory()) yield* folderFrames(path, sampling)
  else if (isVideoName(path)) yield* videoFrames(path, sampling)
  else if (PICTURES.includes(extension)) {
    const bytes = await readFile(path).catch((error: Error) => {
      throw bad(`${error.message}; give the path of a clip or picture`)
    })
    yield* pictureFrames(bytes, path, sampling)
  } else {
    const known = [...PICTURES, ...VIDEOS].join(' ')
    throw bad(`its name ends in none of ${known}; convert it to one of these`)
  }
}

/**
 * Like `readFrames`, all pictures at once.
 *
 * @throws UserError as `readFrames` does, and when the pictures are not all of one size.
 */
export function decodeClip(path: string, options: DecodeOptions = {}): Promise<DecodedClip> {
  return gather(readFrames(path, options), path)
}

/** The files of a clip that was saved as a folder of PNG frames. */
const FRAME_NAME = /^frame-(\d+)\.png$/

/**
 * The names of a clip's frames in a folder, in order; none unless there are at least two that are numbered from 0 on
 * without a gap.
 */
export function frameNames(names: readonly string[]): string[] {
  const numberOf = (name: string) => Number(FRAME_NAME.exec(name)?.[1])
  const frames = names.filter((name) => FRAME_NAME.test(name)).sort((a, b) => numberOf(a) - numberOf(b))
  return frames.length > 1 && frames.every((name, index) => numberOf(name) === index) ? frames : []
}

/**
 * The frames of a folder, which has no rate: they are taken one for one, again from the first where there are too few.
 */
async function* folderFrames(folder: string, sampling?: Sampling): AsyncGenerator<ClipFrame> {
  const names = frameNames(await readdir(folder))
  if (names.length === 0) {
    throw new UserError(
      `cannot read ${folder}: it is a folder without frame-00.png, frame-01.png and so on; give a clip`,
    )
  }
  const { minFrames = 1, maxFrames = Infinity } = sampling ?? {}
  const count = Math.min(Math.max(names.length, minFrames), maxFrames)
  for (let i = 0; i < count; i++) {
    const path = join(folder, names[i % names.length]!)
    yield* pictureFrames(await readFile(path), path, sampling && { ...sampling, minFrames: 1 })
  }
}
