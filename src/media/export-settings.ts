import { UserError } from '../errors.js'

/** The formats of a saved clip; `png` is one picture a frame, in a zip. */
export const EXPORT_FORMATS = ['mp4', 'webm', 'webp', 'gif', 'apng', 'png'] as const

/** One of them. */
export type ExportFormat = (typeof EXPORT_FORMATS)[number]

/** Formats that have no transparency in Node, where WebM has it through ffmpeg. */
export const OPAQUE_IN_NODE: readonly ExportFormat[] = ['mp4']

/** How a clip is saved. */
export interface ExportSettings {
  readonly format: ExportFormat
  /** The longer side in pixels; the clip's own unless told. */
  readonly size?: number | undefined
  /** Whether that size is kept whatever the limit asks for. */
  readonly exactSize?: boolean | undefined
  /**
   * Cuts the figure out: by the clip's own opacity, else by its white background. MP4 has no transparency; WebM has it
   * in Node through the `ffmpeg` on PATH. `false` lays the clip on white. Default: whether the clip has opacity of its
   * own.
   */
  readonly transparent?: boolean | undefined
  /**
   * The most bytes of the file (of the zip, for frames): colours, frames and size are given up, in this order, until it
   * fits.
   */
  readonly limit?: number | undefined
}

/** What saving a clip may be told beside its format. */
export interface ExportOptions extends Omit<ExportSettings, 'format'> {
  /** Stops between two frames; nothing is written then. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Holds settings against what can be asked for.
 *
 * @param opaque formats without transparency
 * @throws UserError naming the setting that is wrong.
 */
export function checkExport(settings: ExportSettings, opaque: readonly ExportFormat[]): void {
  const { format, size, limit, transparent } = settings
  if (!EXPORT_FORMATS.includes(format)) {
    throw new UserError(`format is ${String(format)}; give one of ${EXPORT_FORMATS.join(', ')}`)
  }
  if (size !== undefined && !(Number.isInteger(size) && size >= 8 && size <= 16_384)) {
    throw new UserError(`size is ${size}; give the longer side in pixels, a whole number from 8 to 16384`)
  }
  if (limit !== undefined && !(limit > 0)) throw new UserError(`limit is ${limit}; give the most bytes of the file`)
  if (transparent !== undefined && typeof transparent !== 'boolean') {
    throw new UserError(`transparent is ${String(transparent)}; give true or false`)
  }
  if (transparent && opaque.includes(format)) {
    const others = EXPORT_FORMATS.filter((each) => !opaque.includes(each))
    throw new UserError(`${format} keeps no transparency here; choose one of ${others.join(', ')}`)
  }
}
