import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Picture } from '../../src/media/frames.js'
import { ImageToVideo } from '../../src/pipeline/image-to-video.js'
import { openModelFolder } from '../../src/svd/model-folder.node.js'
import { spyingEngine } from './support/spying-engine.js'

const SIDE = 128
const isInside = (i: number) => Math.hypot((i % SIDE) - 64, Math.floor(i / SIDE) - 64) < 40

/** A red disc on white; with its opacity where it is `clear`. */
function disc(clear: boolean): Picture {
  const data = Uint8Array.from({ length: 3 * SIDE * SIDE }, (_, i) =>
    isInside(Math.floor(i / 3)) ? [220, 20, 60][i % 3]! : 255,
  )
  const alpha = Uint8Array.from({ length: SIDE * SIDE }, (_, i) => (isInside(i) ? 255 : 0))
  return { width: SIDE, height: SIDE, data, ...(clear && { alpha }) }
}

/** The opacity that the decoder was given of the first picture, at a corner and in the middle. */
let told: number[] = []
let clear: ImageToVideo
let opaque: ImageToVideo
const small = { frames: 2, steps: 2, seed: 1 }

beforeAll(async () => {
  const spying = spyingEngine((feeds, made) => {
    const first = feeds['first'] as Float32Array | undefined
    if (made['frames'] && first) told = [first[3 * SIDE * SIDE + 200]!, first[3 * SIDE * SIDE + 64 * SIDE + 64]!]
  })
  clear = new ImageToVideo(await openModelFolder('models/fluent'), spying)
  opaque = new ImageToVideo(await openModelFolder('models/fluent-1'), spying)
})
afterAll(() => Promise.all([clear.dispose(), opaque.dispose()]))

it('a model with transparency keeps it, lays it on white, or cuts the figure out', async () => {
  for (const [picture, alpha, corner] of [
    [disc(true), undefined, 0],
    [disc(true), 'keep', 0],
    [disc(true), 'white', 1],
    [disc(false), undefined, 1],
    [disc(false), 'key', 0],
  ] as const) {
    const clip = await clear.animate(picture, { ...small, alpha })
    expect(told).toEqual([corner, 1])
    expect([clip.alpha === undefined, clip.metadata['alpha']]).toEqual([corner === 1, alpha])
    if (clip.alpha) expect(clip.alpha[0]).toBeLessThan(4)
  }
}, 60_000)

it('a model without it refuses to keep it, and cuts the figure out of its clip', async () => {
  const options = { frames: 2, steps: 1, seed: 1 }
  await expect(opaque.animate(disc(true), { ...options, alpha: 'keep' })).rejects.toThrow(
    'models/fluent-1 makes no transparency, and alpha is keep; give key, which cuts the figure out of white, or white',
  )
  expect((await opaque.animate(disc(true), { ...options, alpha: 'white' })).alpha).toBeUndefined()
  const cut = await opaque.animate(disc(false), { ...options, alpha: 'key' })
  expect([cut.alpha?.[0], cut.alpha?.[64 * SIDE + 64]]).toEqual([0, 255])
  const edited = await opaque.edit(cut, disc(true), { frames: 2, seed: 1, alpha: 'key' })
  expect(edited.alpha?.[0]).toBe(0)
})
