import { basename, join } from 'node:path'
import { pictureFrames } from '../media/picture-frames.node.js'
import { buildStore, MIN_FRAMES, type BuildOptions, type ClipSource } from './build.node.js'
import { FLUENT_CLIPS, fluentStill, type FluentClip } from './fluent-figures.js'
import { fetchPackage, PACKAGES_FOLDER, readPackage, type DataPackage } from './npm-packages.node.js'
import { checkStorePlace } from './store-writer.node.js'
import type { StoreIndex } from './store.node.js'

/** Microsoft's animated Fluent emoji (MIT): 256x256 WebP, 24 frames per second, 730 MB. */
const ANIMATED: readonly DataPackage[] = [
  ['1', '/4m31vAuZEQ4aUJ5pxcOU5PVkuJya55GRxUZL7+zgLlxZXpzzE8jPqpDyhZICE3n47nS/Y9M5/vLdizi8201QA=='],
  ['2', 'S6yzf0RZXrQbXdxCWuHA9BAoLdBRk2flX+ne4TPGEH/qApwisCAKHoAAGjKSlTY3OVeZ9b7t/NEbmpjawnQYJA=='],
  ['3', 'UzRSUDMjdfdt9vER5bhjHkPqgc3EEgfGtYs6ndvizOTvQOxYQ57ow2RTkWSDZxwW30X4EYBi2eWTS7CXDDoFsg=='],
  ['4', 'IIkl5ztSd1HrzvIDt/uGsFoC1WODXRdYq5uROrnkyqi9DbToEcJ1nlY86PnoUXeFS9nBCnHfiYk3ouSEGThFmA=='],
].map(([part, sha512]) => ({ name: `@lobehub/fluent-emoji-anim-${part}`, version: '1.0.0', sha512: sha512 as string }))

/** The same emoji, and about 1,300 more, as stills of 256x256 (MIT). */
export const FLUENT_STILLS: DataPackage = {
  name: '@lobehub/fluent-emoji-3d',
  version: '1.1.0',
  sha512: 'Wlq2lVStTnr8BDpIJ0pEnTKO4LuDxxqTEhTvRtD1DLRF0me7ogeRQjKoehDHXuVJ2Qaecgl5wRBv60lUAG3h7g==',
}

/** How many emoji of the stills' package have no animation. */
const STILL_COUNT = 1285

/** The folder in `out` with the store of emoji that have no animation: one frame each. */
export const STILLS_FOLDER = 'stills'

/** What `buildFluentEmoji` is told. */
export interface FluentOptions extends BuildOptions {
  /** Folder of the package files; those that are missing are fetched into it. `~/.cache/sfv/packages` unless told. */
  readonly from?: string
}

/**
 * Makes two stores of the Fluent emoji: the animated ones in `out`, split by figure as `fluent-split.json` says, and in
 * its folder `stills` those that have no animation. What was fetched before is not fetched again. `limit` holds for
 * each.
 *
 * @throws UserError when a package cannot be fetched or read, or a store cannot be written.
 */
export async function buildFluentEmoji({
  from = PACKAGES_FOLDER,
  ...options
}: FluentOptions): Promise<{ readonly clips: StoreIndex; readonly stills: StoreIndex }> {
  const stillsFolder = join(options.out, STILLS_FOLDER)
  for (const folder of [options.out, stillsFolder]) await checkStorePlace(folder, options.force)
  const paths: string[] = []
  for (const [done, wanted] of [FLUENT_STILLS, ...ANIMATED].entries()) {
    options.onProgress?.({ type: 'fetch', name: wanted.name, done, total: ANIMATED.length + 1 })
    paths.push(await fetchPackage(wanted, from, options.signal))
  }
  const [stillsPath, ...animatedPaths] = paths as [string, ...string[]]
  const stillSources = emojiOf([stillsPath], (name) => !FLUENT_CLIPS.has(name), fluentStill, options)
  const stillsOut = { ...options, out: stillsFolder }
  const stills = await buildStore(stillSources, STILL_COUNT, stillsOut)
  const clipSources = emojiOf(animatedPaths, (name) => FLUENT_CLIPS.has(name), fluentStill, options)
  return { clips: await buildStore(clipSources, FLUENT_CLIPS.size, options), stills }
}

async function* emojiOf(
  packages: readonly string[],
  wanted: (name: string) => boolean,
  describe: (name: string) => FluentClip,
  { fps, size }: BuildOptions,
): AsyncGenerator<ClipSource> {
  const sampling = { fps, size, minFrames: MIN_FRAMES }
  for (const path of packages) {
    const isEmoji = (file: string): boolean => /^assets\/.*\.webp$/.test(file) && wanted(basename(file, '.webp'))
    for await (const { name, bytes } of readPackage(path, isEmoji)) {
      const emoji = describe(basename(name, '.webp'))
      yield { ...emoji, frames: () => pictureFrames(bytes, name, sampling) }
    }
  }
}
