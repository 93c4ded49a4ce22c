import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Picture } from '../../../src/media/frames.js'
import { openModelFolder } from '../../../src/svd/model-folder.node.js'
import { ImageToVideo } from '../../../src/pipeline/image-to-video.js'
import { nodeEngine } from '../../../src/runtime/engine.node.js'
import { Random } from '../../../src/runtime/random.js'
import { Scope } from '../../../src/runtime/scope.js'
import { rgbaOnWhite } from '../../../src/training/batches/rgba.js'
import { VideoSource } from '../../../src/training/batches/video-source.node.js'
import { ClipStore } from '../../../src/data/store.node.js'
import { Workshop, type LogLine } from '../support/workshop.js'

const MINUTES = 600_000
/**
 * The UNet's inputs: noisy latents, the picture's, the end frame's and whether they are known, three for motion hints.
 */
const IN_CHANNELS = 4 + 4 + 5 + 3

let workshop: Workshop
beforeAll(async () => {
  workshop = await Workshop.open({ width: 32, height: 32 })
}, MINUTES)
afterAll(() => workshop.close())

const mean = (log: readonly LogLine[], name: string) => log.reduce((sum, line) => sum + line[name]! / log.length, 0)

// One after another: each step needs what those before it have written.
describe('a model whose first stage warps the picture', () => {
  it(
    'learns to rebuild frames from how they differ from the picture',
    async () => {
      await workshop.train(workshop.recipe('warp-autoencoder'), 'warp-autoencoder')
      const log = await workshop.log('warp-autoencoder')
      expect(mean(log.slice(-8), 'l1')).toBeLessThan(0.7 * mean(log.slice(0, 8), 'l1'))
    },
    MINUTES,
  )

  it(
    'has a teacher that learns under an end frame and motion hints, of clips and of stills that are moved',
    async () => {
      await workshop.train(workshop.recipe('image-encoder', { batch: 2, steps: 2 }), 'image-encoder')
      const { network } = workshop.recipe('teacher') as { network: object }
      const changes = {
        network: { ...network, in_channels: IN_CHANNELS, sample_size: 2 },
        stills: [workshop.path('data')],
        stillsShare: 0.5,
        pool: 6,
      }
      await workshop.train(workshop.recipe('teacher', changes), 'teacher')
      const log = await workshop.log('teacher')
      expect(mean(log.slice(-8), 'loss')).toBeLessThan(0.9 * mean(log.slice(0, 8), 'loss'))
      const index = JSON.parse(await readFile(workshop.path('models', 'model_index.json'), 'utf8')) as object
      expect(index).toMatchObject({ vae: ['sfv', 'AutoencoderKLWarp'] })
    },
    MINUTES,
  )

  it(
    'begins with the picture, ends with the end frame, and keeps transparency',
    async () => {
      const model = new ImageToVideo(await openModelFolder(workshop.path('models')), nodeEngine({ threads: 1 }))
      const store = await ClipStore.open(workshop.path('data'))
      const pictures = await store.rgba(0, [0, 5])
      const picture = (i: number): Picture => {
        const rgb = rgbaOnWhite(pictures)
        const pixels = 32 * 32
        const alpha = pictures.data.filter((_, at) => at % 4 === 3).slice(i * pixels, (i + 1) * pixels)
        return { width: 32, height: 32, data: rgb.data.slice(3 * i * pixels, 3 * (i + 1) * pixels), alpha }
      }
      const asked = { frames: 4, seed: 1, steps: 2, network: 'unet' }
      const free = await model.animate(picture(0), asked)
      const [first, last] = [picture(0), picture(1)]
      const ended = await model.animate(first, { ...asked, end: last })
      const other = await model.animate(first, { ...asked, end: first })
      expect(ended.alpha!.length).toBe(4 * 32 * 32)
      const frame = (clip: { frames: { data: Uint8Array } }, i: number) =>
        clip.frames.data.subarray(3 * i * 1024, 3 * (i + 1) * 1024)
      // What the clip begins with does not depend on what it ends with.
      expect(frame(ended, 0)).toEqual(frame(free, 0))
      expect(frame(ended, 3)).not.toEqual(frame(other, 3))
      // A frame that is known to be the picture is the same wherever it stands.
      expect(frame(other, 3)).toEqual(frame(other, 0))

      // An edit sees the clip's opacity as well as its pictures, and has opacity where the clip or the new frame has.
      const alone = { width: 32, height: 32, data: first.data }
      const editing = { seed: 1, network: 'unet', strength: 0.3 }
      const edited = await model.edit(free, first, editing)
      const unseen = await model.edit({ frames: free.frames, fps: free.fps }, first, editing)
      expect(edited.alpha!.length).toBe(4 * 32 * 32)
      expect(frame(edited, 2)).not.toEqual(frame(unseen, 2))
      expect((await model.edit(free, alone, editing)).alpha!.length).toBe(4 * 32 * 32)
      const withoutAny = await model.edit({ frames: free.frames, fps: free.fps }, alone, editing)
      expect(withoutAny.alpha).toBeUndefined()
      const short = { ...free, alpha: free.alpha!.subarray(1) }
      await expect(model.edit(short, first, editing)).rejects.toThrow("the clip's alpha has 4095 bytes where")

      const loop = await model.animate(first, { ...asked, loop: true })
      expect(loop.frames.count).toBe(4)
      const opaque = await model.animate(alone, asked)
      expect(opaque.alpha).toBeUndefined()
      await Promise.all([model.dispose(), store.close()])
    },
    MINUTES,
  )

  it('draws the same videos again from one seed', async () => {
    const scope = new Scope()
    const source = await VideoSource.open(scope, {
      data: workshop.path('data'),
      stills: [workshop.path('data')],
      frames: 4,
      rates: [3, 7],
      reversed: 0.5,
      augmentation: 0.5,
      stillsShare: 0.5,
      motion: true,
    })
    const names = new Set<string>()
    for (let i = 0; i < 12; i++) {
      const [one, again] = [await source.draw(new Random(1, `${i}`)), await source.draw(new Random(1, `${i}`))]
      expect(again).toEqual(one)
      expect(one.frames).toMatchObject({ width: 32, height: 32, count: 4 })
      expect(one.fps >= 3 && one.fps <= 7).toBe(true)
      // Nothing has moved in the first frame.
      expect(one.motion!.subarray(0, 2 * 4).every((value) => Math.abs(value) < 1e-6)).toBe(true)
      names.add(one.name)
    }
    expect(names.size).toBeGreaterThan(6)
    await scope.close()
  })
})
