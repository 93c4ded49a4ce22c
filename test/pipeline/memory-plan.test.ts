import { beforeAll, describe, expect, it } from 'vitest'
import { ImageToVideo } from '../../src/pipeline/image-to-video.js'
import { describeMemory, planMemory, type MemoryPlan } from '../../src/pipeline/memory-plan.js'
import { Model } from '../../src/svd/model.js'
import type { ModelSource } from '../../src/svd/model-source.js'
import { planGeneration } from '../../src/pipeline/plan.js'
import { presetComponents } from '../../src/pipeline/presets.js'
import { parseSettings, type AnimateSettings } from '../../src/pipeline/settings.js'
import { nodeEngine } from '../../src/runtime/engine.node.js'
import { picture, tinySource } from './tiny.js'

const GB = 1e9

/** Stable Video Diffusion without its files: each component has one tensor of the published size. */
function fullSize(): Model {
  const bytes: Record<string, number> = { unet: 3.05e9, vae: 0.195e9, image_encoder: 1.26e9 }
  const weights = (name: string) =>
    Promise.resolve({
      path: name,
      tensors: new Map([
        ['all', { file: name, offset: 0, byteLength: bytes[name]!, dtype: 'F16' as const, shape: [] }],
      ]),
      checkAgainst: () => undefined,
    })
  const source: ModelSource = { path: 'svd', components: presetComponents('svd')!, weights }
  return new Model(source, nodeEngine())
}

async function planFor(settings: AnimateSettings, budget?: number, asked?: number): Promise<MemoryPlan> {
  const model = fullSize()
  const plan = planGeneration(parseSettings({ width: 1024, height: 576, ...settings }), model)
  return planMemory(plan, model, { budget, onHost: true }, asked)
}

describe('the memory plan of the full-size model', () => {
  it('needs far less than the attention matrices and the weights in float32 would take', async () => {
    const { stages, lean, oneAtATime } = await planFor({ steps: 1 })
    expect({ lean, oneAtATime }).toEqual({ lean: true, oneAtATime: true })
    // One S x S matrix of 14 frames and 5 heads would be 24 GB; the weights in float32 6.1 GB.
    expect(stages!.UNet).toBeLessThan(8 * GB)
    const small = await planFor({ steps: 1, width: 576, height: 320 })
    expect(small.stages!.UNet).toBeLessThan(5 * GB)
  })

  it('decodes fewer frames at a time in less memory, and tiles in less still', async () => {
    const [much, less, least] = await Promise.all([40, 14, 8].map((budget) => planFor({ steps: 1 }, budget * GB)))
    expect(much!.chunks[0]).toBeGreaterThan(less!.chunks[0]!)
    expect(less!.tile).toBeUndefined()
    expect(less!.stages!.decoder).toBeLessThan(14 * GB)
    expect(least!.chunks[0]).toBeLessThan(less!.chunks[0]!)
    const tiled = await planFor({ steps: 1, width: 2048, height: 1152, frames: 1 }, 9 * GB)
    expect(tiled.tile).toBeDefined()
  })

  it('says what it is', async () => {
    const model = fullSize()
    const plan = planGeneration(parseSettings({ steps: 1, width: 1024, height: 576 }), model)
    const memory = await planMemory(plan, model, { budget: 8 * GB, onHost: true })
    expect(describeMemory(memory, plan)).toMatch(
      /^one network at a time: image encoder \d\.\d GB, VAE encoder \d\.\d GB, UNet \d\.\d GB, decoder \d\.\d GB; decoding \d frames at a time$/,
    )
  })

  it('is refused before it fails', async () => {
    await expect(planFor({ steps: 1 }, 4 * GB)).rejects.toThrow(
      /^this clip needs about \d\.\d GB of memory \(UNet, 14 frames of 1024x576\), and 4\.0 GB may be used; make it smaller/,
    )
    await expect(planFor({ steps: 1, decodeChunk: 14 }, 8 * GB, 14)).resolves.toHaveProperty('tile')
  })
})

describe('a clip', () => {
  let source: ModelSource
  beforeAll(async () => {
    source = await tinySource()
  })
  const settings = { frames: 3, width: 64, height: 64, seed: 1, fit: 'stretch' } as const

  async function frames(memory: number | undefined, steps: number) {
    const messages: string[] = []
    const sfv = new ImageToVideo(source, nodeEngine({ threads: 1 }), { memory })
    const onProgress = (event: { type: string; message?: string }) =>
      void (event.message && messages.push(event.message))
    const clip = await sfv.animate(picture, { ...settings, steps, onProgress })
    await sfv.dispose()
    return { data: Float32Array.from(clip.frames.data), messages }
  }

  it('is the same in little memory: weights in place, guidance in two runs', async () => {
    const [usual, sparing] = [await frames(undefined, 2), await frames(1 * GB, 2)]
    // At most one level of 255.
    usual.data.forEach((value, i) => expect(Math.abs(value - sparing.data[i]!)).toBeLessThanOrEqual(1))
    expect(usual.messages).toEqual([])
    expect(sparing.messages[0]).toContain('one network at a time')
  })

  it('is refused where not even tiles fit', async () => {
    await expect(frames(1e8, 1)).rejects.toThrow(/needs about .* of memory/)
  })
})
