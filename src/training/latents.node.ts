import { createHash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type ClipStore } from '../data/store.node.js'
import { Checkpoint, saveCheckpoint } from '../weights/checkpoint.node.js'
import { type FirstStage } from './frozen.node.js'
import { toPlanar } from './pixels.js'

/** Windows shorter than this are encoded alone: a cache entry costs the whole clip. */
const WHOLE_CLIP_FROM = 4

/** Latents of a store's clips, encoded when first asked for and kept on disk, one file a clip, float16. */
export class LatentCache {
  private constructor(
    private readonly store: ClipStore,
    private readonly stage: FirstStage,
    private readonly folder: string,
  ) {}

  /** The cache lies beside the store's files, under a name that depends on the VAE's weights. */
  static async open(store: ClipStore, data: string, stage: FirstStage, model: string): Promise<LatentCache> {
    const checkpoint = await Checkpoint.open(join(model, 'vae'))
    const hash = createHash('sha256')
    for (const name of [...checkpoint.tensors.keys()].sort())
      hash.update(new Uint8Array((await checkpoint.read(name)).buffer))
    return new LatentCache(store, stage, join(data, `latents-${hash.digest('hex').slice(0, 12)}`))
  }

  /** Scaled latents (count, c, h, w) of frames `start` to `start + count - 1` of a clip. */
  async window(clip: number, start: number, count: number): Promise<Float32Array> {
    const scale = this.stage.config.scalingFactor
    const size = this.stage.latentSize
    if (count < WHOLE_CLIP_FROM)
      return (await this.stage.encode(toPlanar(await this.store.clip(clip, start, count)))).map((x) => x * scale)
    const all = await this.whole(clip)
    return all.slice(start * size, (start + count) * size).map((x) => x * scale)
  }

  private async whole(clip: number): Promise<Float32Array> {
    const file = join(this.folder, `${this.store.clips[clip]!.name}-${fingerprint(this.store, clip)}.safetensors`)
    const exists = await stat(file).then(
      () => true,
      () => false,
    )
    if (!exists) {
      const frames = this.store.length(clip)
      const data = await this.stage.encode(toPlanar(await this.store.clip(clip, 0, frames)))
      const shape = [frames, data.length / frames]
      await saveCheckpoint(file, [{ name: 'latents', shape, data }], { dtype: 'F16' })
    }
    // Read back even when just made: a resumed run must see the very same rounded values.
    return (await Checkpoint.open(file)).read('latents')
  }
}

/** Tells clips of one name apart, where a store was made again of other clips, or at another rate. */
export function fingerprint({ clips, width, height, fps }: ClipStore, clip: number): string {
  const { sizes, differences } = clips[clip]!
  const hash = createHash('sha256').update(JSON.stringify({ sizes, differences, width, height, fps }))
  return hash.digest('hex').slice(0, 8)
}
