import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { initPipeline } from '../../src/pipeline/init.node.js'
import { ImageToVideo } from '../../src/pipeline/pretrained.node.js'
import { Checkpoint } from '../../src/weights/checkpoint.node.js'
import { sfv } from '../cli/sfv.js'
import { picture } from './tiny.js'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sfv-init-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** Changes fields of a JSON file of a model. */
async function change(file: string, fields: object): Promise<void> {
  const known = JSON.parse(await readFile(file, 'utf8')) as object
  await writeFile(file, JSON.stringify({ ...known, ...fields }))
}

describe('sfv init', () => {
  it('writes a model that makes a clip', async () => {
    const out = join(folder, 'tiny')
    const made = await sfv(['init', '--config', 'tiny', '-o', out, '--json'])
    expect(made.code).toBe(0)
    const { components } = JSON.parse(made.stdout) as { components: Record<string, { parameters: number }> }
    expect(Object.keys(components)).toEqual(['image_encoder', 'vae', 'unet'])
    const { tensors } = await Checkpoint.open(join(out, 'unet'))
    const values = [...tensors.values()].reduce((sum, { byteLength }) => sum + byteLength / 2, 0)
    expect(values).toBe(components['unet']!.parameters)

    const model = await ImageToVideo.fromPretrained(out, { cache: false })
    const clip = await model.animate(picture, { width: 64, height: 64, seed: 1 })
    await model.dispose()
    expect(clip.frames).toMatchObject({ width: 64, height: 64, count: 4 })
    expect(new Set(clip.frames.data).size).toBeGreaterThan(10)
  })

  it('writes the same weights for a seed, others for another', async () => {
    const outs = ['a', 'b', 'c'].map((name) => join(folder, name))
    const [a, b, c] = await Promise.all(
      outs.map(async (out, i) => {
        await initPipeline({ config: 'tiny', out, seed: i < 2 ? 1 : 2, dtype: 'F16' })
        return readFile(join(out, 'unet', 'diffusion_pytorch_model.fp16.safetensors'))
      }),
    )
    expect(a!.equals(b!)).toBe(true)
    expect(a!.equals(c!)).toBe(false)
  })

  it.each([
    ['a configuration that is not known', { config: 'huge', out: 'd' }, /^there is no configuration huge; give svd, /],
    ['a folder that is taken', { config: 'tiny', out: 'tiny' }, /tiny is not empty; give another folder$/],
  ])('refuses %s', async (_, { config, out }, message) => {
    const making = initPipeline({ config, out: join(folder, out), seed: 0, dtype: 'F16' })
    await expect(making).rejects.toThrow(message)
  })
})

describe('a model of 25 frames', () => {
  it('makes 25, of any size in multiples of 64', async () => {
    const out = join(folder, 'xt')
    await initPipeline({ config: 'tiny', out, seed: 3, dtype: 'F16' })
    await change(join(out, 'unet', 'config.json'), { num_frames: 25 })
    const model = await ImageToVideo.fromPretrained(out, { cache: false })
    expect(model.native.frames).toBe(25)
    const clip = await model.animate(picture, { width: 128, height: 64, seed: 1, decodeChunk: 8 })
    expect(clip.frames).toMatchObject({ width: 128, height: 64, count: 25 })
    await expect(model.animate(picture, { width: 100, height: 64 })).rejects.toThrow(
      /cannot make 100x64 pixels: give sides that are multiples of 64/,
    )
    await model.dispose()
  })
})

describe("a model with AnimateLCM's scheduler", () => {
  it('is sampled as a consistency model, with guidance 1 to 1.5', async () => {
    const out = join(folder, 'lcm')
    await initPipeline({ config: 'tiny', out, seed: 4, dtype: 'F16' })
    const className = 'AnimateLCMSVDStochasticIterativeScheduler'
    await change(join(out, 'model_index.json'), { scheduler: ['lcm_scheduler', className] })
    const config = { _class_name: className, clip_denoised: false, num_train_timesteps: 40, sigma_data: 1 }
    await writeFile(
      join(out, 'scheduler', 'scheduler_config.json'),
      JSON.stringify({ ...config, sigma_min: 0.002, sigma_max: 700 }),
    )
    const model = await ImageToVideo.fromPretrained(out, { cache: false })
    const settings = { width: 64, height: 64, frames: 2, steps: 2, seed: 1 }
    const clip = await model.animate(picture, settings)
    expect(clip.metadata).toMatchObject({ sampler: 'consistency', guidance: '1:1.5', steps: '2' })
    const warnings: string[] = []
    const onProgress = (event: { type: string }) => void (event.type === 'warning' && warnings.push(event.type))
    await model.animate(picture, { ...settings, steps: 1, onProgress })
    expect(warnings).toEqual([])
    const euler = await model.animate(picture, { ...settings, sampler: 'euler' })
    expect(euler.metadata).toMatchObject({ guidance: '1:3' })
    expect(euler.frames.data).not.toEqual(clip.frames.data)
    await model.dispose()
  })
})
