import { createHash } from 'node:crypto'
import { z } from 'zod'
import { UserError } from '../errors.js'
import { pictureFrames } from '../media/picture-frames.node.js'
import type { Size } from '../media/resize.js'
import { buildStore, MIN_FRAMES, type BuildOptions, type ClipSource } from './build.node.js'
import { fetchPackage, PACKAGES_FOLDER, readPackage, type DataPackage } from './npm-packages.node.js'
import type { Split } from './splits.js'
import { checkStorePlace } from './store-writer.node.js'
import type { StoreIndex } from './store.node.js'

/** A set of icons as Iconify packs them: SVG drawings in one JSON file. */
export interface IconSet {
  /** The first half of an icon's name. */
  readonly prefix: string
  readonly source: DataPackage
  /**
   * What is put around each drawing, as a share of its side, so that it stands as far from the border as Fluent emoji.
   */
  readonly margin: number
}

/** Google's Noto emoji (Apache-2.0), with a margin of their own. */
export const NOTO: IconSet = {
  prefix: 'noto',
  margin: 0.035,
  source: {
    name: '@iconify-json/noto',
    version: '1.2.9',
    sha512: 'DQiuXENbun41ch+XPSV55H9FaWKpHTyz46YIKtSaKYD4fIDDzL1tR6H4np/T38jfrTAeI3rcKF0mqHYeZVAuaw==',
  },
}

/** Twitter's emoji (CC BY 4.0). */
export const TWEMOJI: IconSet = {
  prefix: 'twemoji',
  margin: 0.07,
  source: {
    name: '@iconify-json/twemoji',
    version: '1.2.5',
    sha512: 'uKpuIEV0v6K5BW3Mjdyl+XKFVAbbcPxAgifKvEMtZoUZB5+YiY5zaMm2uNNCxyXzAWU9yNLlj41WU6/mvgALsw==',
  },
}

/** How many icons the two have. */
const ICON_COUNT = 3729 + 3988

/** An icon as an SVG file. */
export interface Icon {
  /** `set/name`. */
  readonly name: string
  /** `set/name` without skin tones. */
  readonly figure: string
  readonly split: Split
  readonly svg: Uint8Array
}

const SKIN_TONE = /-(medium-light|medium-dark|light|medium|dark)-skin-tone/g

const box = { left: z.number(), top: z.number(), width: z.number(), height: z.number() }
const setSchema = z.object({
  ...z.object(box).partial().shape,
  icons: z.record(
    z.string(),
    z.object({ ...z.object(box).partial().shape, body: z.string(), hidden: z.boolean().optional() }),
  ),
})

/** What `buildIcons` is told. */
export interface IconOptions extends BuildOptions {
  /** Folder of the package files; those that are missing are fetched into it. `~/.cache/sfv/packages` unless told. */
  readonly from?: string
}

/**
 * Makes a store of stills, one frame each, of the Noto and Twemoji icons.
 *
 * @throws UserError when a package cannot be fetched or read, or the store cannot be written.
 */
export async function buildIcons({ from = PACKAGES_FOLDER, ...options }: IconOptions): Promise<StoreIndex> {
  await checkStorePlace(options.out, options.force)
  const sets = [NOTO, TWEMOJI]
  const paths: string[] = []
  for (const [done, { source }] of sets.entries()) {
    options.onProgress?.({ type: 'fetch', name: source.name, done, total: sets.length })
    paths.push(await fetchPackage(source, from, options.signal))
  }
  const sampling = { fps: options.fps, size: options.size, minFrames: MIN_FRAMES }
  async function* sources(): AsyncGenerator<ClipSource> {
    for (const [i, set] of sets.entries())
      for (const { svg, ...icon } of await readIcons(set, paths[i]!, options.size))
        yield { ...icon, frames: () => pictureFrames(svg, icon.name, sampling) }
  }
  return buildStore(sources(), ICON_COUNT, options)
}

/**
 * The icons of a set, without those that Iconify keeps for old names alone.
 *
 * @param path of its package file
 * @param size in pixels that the drawings are rendered at, whole and in the middle
 * @throws UserError when the package file is damaged or holds no such set.
 */
export async function readIcons({ prefix, margin }: IconSet, path: string, size: Size): Promise<Icon[]> {
  for await (const { bytes } of readPackage(path, (name) => name === 'icons.json')) {
    const set = parseSet(bytes, path)
    return Object.entries(set.icons)
      .filter(([, { hidden }]) => !hidden)
      .map(([key, icon]) => {
        const { left = 0, top = 0, width = 16, height = 16 } = { ...set, ...icon }
        const around = margin * Math.max(width, height)
        const view = [left - around, top - around, width + 2 * around, height + 2 * around].join(' ')
        const open = `<svg xmlns="http://www.w3.org/2000/svg" width="${size.width}" height="${size.height}"`
        const svg = new TextEncoder().encode(`${open} viewBox="${view}">${icon.body}</svg>`)
        const figure = iconFigure(`${prefix}/${key}`)
        return { name: `${prefix}/${key}`, figure, split: iconSplit(figure), svg }
      })
  }
  throw new UserError(`${path} holds no icons.json; remove it and fetch it again`)
}

function parseSet(bytes: Uint8Array, path: string): z.infer<typeof setSchema> {
  try {
    return setSchema.parse(JSON.parse(new TextDecoder().decode(bytes)))
  } catch (error) {
    const reason = error instanceof z.ZodError ? z.prettifyError(error).split('\n').join(' ') : (error as Error).message
    throw new UserError(`cannot read icons.json in ${path}: ${reason}; remove it and fetch it again`)
  }
}

/** What an icon shows, whatever the skin tone, of its `set/name`. */
export function iconFigure(name: string): string {
  return name.replaceAll(SKIN_TONE, '')
}

/**
 * The split of an icon by its figure, `set/name` without skin tones, so that no figure falls on both sides: the first
 * byte of the name's SHA-256 modulo 10 is 0 for `test`, 1 for `reserved`, else `train`.
 */
export function iconSplit(figure: string): Split {
  const remainder = createHash('sha256').update(figure).digest()[0]! % 10
  return remainder === 0 ? 'test' : remainder === 1 ? 'reserved' : 'train'
}
