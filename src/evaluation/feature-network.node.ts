import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { UserError } from '../errors.js'
import { input } from '../graph/ops/index.js'
import type { Frames } from '../media/frames.js'
import { shrink } from '../media/shrink.js'
import { I3D_LEAST_FRAMES, inceptionI3d } from '../models/i3d/index.js'
import { parseVideoFeaturesConfig, videoFeatures } from '../models/features/index.js'
import { Network } from '../svd/network.js'
import { sha256OfFiles } from '../runtime/files.node.js'
import type { Engine } from '../runtime/program.js'
import { toPlanar } from '../training/batches/pixels.js'
import { Checkpoint } from '../weights/checkpoint.node.js'
import { readJsonFile } from '../weights/diffusers.node.js'
import { hubFile, parseHubFile } from '../weights/hub-file.node.js'
import { i3dInput } from './i3d-input.js'

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
 * @param which `fluent` for the one of this package, the folder of a `VideoFeatures`, or the weights of an
 *   `InceptionI3d`: a .safetensors file, or one on the hub as `owner/name/file.safetensors#sha256`
 * @throws UserError when there is none there, or its weights do not fit.
 */
export async function openFeatureNetwork(which: string, engine: Engine): Promise<FeatureNetwork> {
  if (which === 'fluent') return openVideoFeatures(BUNDLED, 'models/features', engine)
  const onHub = parseHubFile(which)
  const path = onHub ? await hubFile(onHub) : which
  const kind = await stat(path).catch(() => undefined)
  if (!kind)
    throw new UserError(
      `there are no features ${which}; give fluent, the folder of a feature network, a .safetensors file of I3D, or ` +
        'owner/name/file.safetensors#sha256 for one on the hub',
    )
  return kind.isDirectory() ? openVideoFeatures(path, path, engine) : openI3d(path, which, engine)
}

/** Counters of training, which PyTorch keeps among the weights of batch norms. */
const COUNTERS = /\.num_batches_tracked$/

async function openI3d(file: string, name: string, engine: Engine): Promise<FeatureNetwork> {
  const checkpoint = await Checkpoint.open(file)
  const classes = checkpoint.tensors.get('logits.conv3d.bias')?.shape[0] ?? 400
  const weights = {
    path: file,
    tensors: checkpoint.tensors,
    checkAgainst: (shapes: ReadonlyMap<string, readonly number[]>, what: string) =>
      checkpoint.checkAgainst(shapes, what, { ignore: COUNTERS }),
  }
  const ofLength = new Map<number, Network>()
  const network = (frames: number) => {
    const known =
      ofLength.get(frames) ??
      new Network(
        engine,
        'InceptionI3d',
        () => Promise.resolve(weights),
        (w) => ({ logits: inceptionI3d(w, input('clips', [1, 3, frames, 224, 224]), classes).logits }),
        false,
      )
    ofLength.set(frames, known)
    return known
  }
  await network(I3D_LEAST_FRAMES).check()
  return {
    description: `${name}, the ${classes} logits of an InceptionI3d at 224x224`,
    checksum: await checksumOf(checkpoint),
    length: classes,
    async extract(clip) {
      if (clip.count < I3D_LEAST_FRAMES)
        throw new UserError(`I3D looks at clips of ${I3D_LEAST_FRAMES} frames or more, not ${clip.count}`)
      const { logits } = await (await network(clip.count).open()).run({ clips: i3dInput(clip) })
      return logits!
    },
    dispose: async () => {
      await Promise.all([...ofLength.values()].map((each) => each.close()))
    },
  }
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
export function checksumOf({ tensors }: Checkpoint): Promise<string> {
  return sha256OfFiles(new Set([...tensors.values()].map(({ file }) => file)))
}
