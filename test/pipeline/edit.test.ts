import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SVD_SIGMAS } from '../../src/diffusion/schedule.js'
import { ImageToVideo, type AnimateOptions } from '../../src/pipeline/image-to-video.js'
import type { AnimateProgress } from '../../src/pipeline/progress.js'
import { sigmaOfStrength } from '../../src/pipeline/refine.js'
import { spyingEngine } from './support/spying-engine.js'
import { picture, tinySource } from './tiny.js'

const SVD_CONFIG = { ...SVD_SIGMAS, timestepSpacing: 'leading' } as const

const small: AnimateOptions = { frames: 3, width: 32, height: 32, seed: 1 }

/** The UNet's inputs of every run. */
const fed: { sample: Float32Array; timestep: number }[] = []
let sfv: ImageToVideo

beforeAll(async () => {
  const spying = spyingEngine(({ sample, timestep }) => {
    if (sample) fed.push({ sample: sample.slice() as Float32Array, timestep: Number(timestep![0]) })
  })
  sfv = new ImageToVideo(await tinySource(), spying)
})

afterAll(() => sfv.dispose())

describe('an edit', () => {
  it('is one forward from the clip under noise, at a level of the generator', async () => {
    const clip = await sfv.animate(picture, small)
    const changed = { ...picture, data: picture.data.map((value) => 255 - value) }
    fed.length = 0
    const options = { width: 32, height: 32, seed: 2, strength: 0.2 }
    const edited = await sfv.edit(clip, changed, options)
    expect(fed).toHaveLength(1)
    expect(fed[0]!.timestep).toBeCloseTo(0.25 * Math.log(sigmaOfStrength(0.2, SVD_CONFIG)), 5)
    expect(edited).toMatchObject({ fps: 7, frames: { count: 3, width: 32, height: 32 } })
    expect(edited.metadata).toMatchObject({ strength: '0.2', seed: '2' })

    const other = await sfv.edit(
      { ...clip, frames: { ...clip.frames, data: clip.frames.data.map((v) => v ^ 255) } },
      changed,
      options,
    )
    expect(other.frames.data).not.toEqual(edited.frames.data)
    const again = await sfv.edit(clip, changed, options)
    expect(again.frames.data).toEqual(edited.frames.data)
  })

  it('reports its frames, and asks for no more than the clip has', async () => {
    const clip = await sfv.animate(picture, small)
    const events: AnimateProgress[] = []
    await sfv.edit(clip, picture, { ...small, onProgress: (event) => events.push(event) })
    const encode = events.filter((event) => event.type === 'stage' && event.stage === 'encode')
    expect(encode.at(-1)).toMatchObject({ done: 5, total: 5 })
    await expect(sfv.edit(clip, picture, { ...small, frames: 4 })).rejects.toThrow(
      'frames is 4, but the clip has 3; ask for at most as many',
    )
    await expect(sfv.edit(clip, picture, { ...small, strength: 2 })).rejects.toThrow(
      'strength is 2; give a number from 0 to 1',
    )
  })
})

describe('a loop of an edit', () => {
  it('is made in both directions, and leads back to the changed frame', async () => {
    const clip = await sfv.animate(picture, small)
    fed.length = 0
    const changed = { ...picture, data: picture.data.map((value) => 255 - value) }
    const edited = await sfv.edit(clip, changed, { width: 32, height: 32, seed: 2, loop: true })
    expect(fed.map(({ timestep }) => timestep.toFixed(2))).toEqual(['0.20', '0.20'])
    expect(edited.frames).toMatchObject({ count: 3, width: 32 })
    expect(edited.metadata['loop']).toBe('true')
  })
})
