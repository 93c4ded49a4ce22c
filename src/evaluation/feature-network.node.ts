import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { UserError } from '../errors.js'
import { input } from '../graph/ops/index.js'
import type { Frames } from '../media/frames.js'
import { shrink } from '../media/shrink.js'
import { parseVideoFeaturesConfig, videoFeatures } from '../models/features/index.js'
import { Network } from '../pipeline/network.js'
import type { Engine } from '../runtime/program.js'
import { toPlanar } from '../training/pixels.js'
import { Checkpoint } from '../weights/checkpoint.node.js'
import { readJsonFile } from '../weights/diffusers.node.js'

/** A network that turns clips into vectors, in which distances between sets of clips are taken. */
export interface FeatureNetwork {
  /** What reports call it: distances in the features of one network do not compare with those of another. */
  readonly description: string
  /** SHA-256 of its weights. */
  readonly checksum: string
  /** Length of a feature vector. */
  readonly length: number
  extract(clip: Frames): Promise<Float32Array>
  dispose(): Promise<void>
}

/** The feature network that comes with the package; src/evaluation and dist/evaluation lie equally deep. */
const BUNDLED = fileURLToPath(new URL('../../models/features', import.meta.url))

/**
 * Opens a feature network.
 *
 * @param which `fluent` for the one of this package, or the folder of a `VideoFeatures`
 * @throws UserError when there is none there, or its weights do not fit its configuration.
 */
export async function openFeatureNetwork(which: string, engine: Engine): Promise<FeatureNetwork> {
  const path = which === 'fluent' ? BUNDLED : which
  const kind = await stat(path).catch(() => undefined)
  if (!kind) throw new UserError(`there are no features ${which}; give fluent, or the folder of a feature network`)
  return openVideoFeatures(path, which === 'fluent' ? 'models/features' : path, engine)
}

async function openVideoFeatures(folder: string, name: string, engine: Engine): Promise<FeatureNetwork> {
  const file = join(folder, 'config.json')
  const config = parseVideoFeaturesConfig(await readJsonFile(file), file)
  const { frames, imageSize: side } = config
  const checkpoint = await Checkpoint.open(folder)
  const network = new Network(
    engine,
    'VideoFeatures',
    () => Promise.resolve(checkpoint),
    (w) => ({ features: videoFeatures(w, config, input('clips', [1, frames, 3, side, side])).features }),
    false,
  )
  const program = await network.open()
  return {
    description: `${name}, a VideoFeatures of ${config.features} features of ${frames} frames of ${side}x${side}`,
    checksum: await checksumOf(checkpoint),
    length: config.features,
    async extract(clip) {
      if (clip.count !== frames)
        throw new UserError(`the features ${name} look at clips of ${frames} frames, not ${clip.count}`)
      const { features } = await program.run({ clips: toPlanar(shrink(clip, side)) })
      return features!
    },
    dispose: () => network.close(),
  }
}

/** SHA-256 over the files of a checkpoint. */
export async function checksumOf({ tensors }: Checkpoint): Promise<string> {
  const hash = createHash('sha256')
  for (const file of new Set([...tensors.values()].map(({ file }) => file)))
    for await (const bytes of createReadStream(file)) hash.update(bytes as Uint8Array)
  return hash.digest('hex')
}
