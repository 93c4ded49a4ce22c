import type { ExportFormat } from '../../src/web/index.js'

/** Formats that have no transparency in a browser: clips lie on white in them. */
export const OPAQUE: readonly ExportFormat[] = ['mp4']
