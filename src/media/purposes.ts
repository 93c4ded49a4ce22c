import type { ExportFormat } from './export-settings.js'
import type { Shape } from './shape-clip.js'

const KB = 1024

/** What a clip is saved for, and what that place takes. */
export interface Purpose extends Shape {
  readonly id: string
  readonly label: string
  readonly format: ExportFormat
  /** The longer side in pixels; the clip's own where absent. */
  readonly size?: number | undefined
  /** Whether the place takes no other size. */
  readonly exactSize?: boolean | undefined
  /** The most bytes. */
  readonly limit?: number | undefined
  /** What is told beside its name. */
  readonly about: string
}

/**
 * Where clips are sent, with the limits that each place names: Telegram's of its stickers and emoji, WhatsApp's of animated
 * stickers, Discord's, Slack's and Apple's.
 */
export const PURPOSES = [
  {
    id: 'slack-emoji',
    label: 'Slack emoji',
    format: 'gif',
    size: 128,
    exactSize: true,
    limit: 128 * KB,
    square: true,
    about: 'GIF, 128 px, up to 128 KB',
  },
  {
    id: 'discord-emoji',
    label: 'Discord emoji',
    format: 'gif',
    size: 128,
    limit: 256 * KB,
    square: true,
    about: 'GIF, 128 px, up to 256 KB',
  },
  {
    id: 'discord-sticker',
    label: 'Discord sticker',
    format: 'apng',
    size: 320,
    exactSize: true,
    limit: 512 * KB,
    most: 5,
    square: true,
    about: 'Animated PNG, 320 px, up to 512 KB',
  },
  {
    id: 'telegram-emoji',
    label: 'Telegram emoji',
    format: 'webm',
    size: 100,
    exactSize: true,
    limit: 64 * KB,
    most: 3,
    fastest: 30,
    square: true,
    about: 'WebM, 100 px, up to 3 s and 64 KB',
  },
  {
    id: 'telegram-sticker',
    label: 'Telegram sticker',
    format: 'webm',
    size: 512,
    exactSize: true,
    limit: 256 * KB,
    most: 3,
    fastest: 30,
    about: 'WebM, 512 px, up to 3 s and 256 KB',
  },
  {
    id: 'whatsapp-sticker',
    label: 'WhatsApp sticker',
    format: 'webp',
    size: 512,
    exactSize: true,
    limit: 500 * KB,
    most: 10,
    fastest: 60,
    square: true,
    about: 'WebP, 512 px, up to 500 KB',
  },
  {
    id: 'imessage-sticker',
    label: 'iMessage sticker',
    format: 'apng',
    size: 408,
    limit: 500 * KB,
    square: true,
    about: 'Animated PNG, 408 px, up to 500 KB',
  },
  {
    id: 'post',
    label: 'A post',
    format: 'mp4',
    size: 720,
    least: 6,
    about: 'MP4, 720 px, played again for 6 s or more',
  },
  { id: 'web-page', label: 'A web page', format: 'webp', about: 'WebP and the HTML to embed it, in a zip' },
] as const satisfies readonly Purpose[]

/** The ending of a format's file. */
export function endingOf(format: ExportFormat): string {
  return format === 'png' ? 'zip' : format === 'apng' ? 'png' : format
}
