import type { ExportFormat } from '../../src/web/index.js'
import type { Purpose } from '../../src/media/purposes.js'

/** A clip as it is, for whoever wants all of them. */
export const AS_IT_IS: Purpose = { id: 'clip', label: 'WebP', format: 'webp', about: 'WebP, as large as the clip' }

/** Formats that pages and letters show as moving pictures. */
export const PICTURES: readonly ExportFormat[] = ['gif', 'webp', 'apng']

/** Formats that have no transparency in a browser: clips lie on white in them. */
export const OPAQUE: readonly ExportFormat[] = ['mp4']
