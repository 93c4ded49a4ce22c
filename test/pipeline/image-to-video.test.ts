import { describe, expect, it } from 'vitest'
import { ImageToVideo } from '../../src/index.js'
import { fixturePath, readFixture, readJson, tensorOf } from '../support/fixture.js'

const model = fixturePath('pipeline-tiny')
const fixture = readFixture('pipeline-tiny/case.safetensors')
const floats = (name: string) => tensorOf(fixture, name).data as Float32Array
const reference = readJson<{ fps: number; num_frames: number; decode_chunk_size: number }>('pipeline-tiny/case.json')

const settings = {
  frames: reference.num_frames,
  width: 64,
  height: 64,
  fps: reference.fps,
  decodeChunk: reference.decode_chunk_size,
  latents: floats('in.latents'),
  imageNoise: floats('in.image_noise'),
}

describe('the reference pipeline', () => {
  it.each([2, 25])('makes the same frames in %i steps', async (steps) => {
    const sfv = await ImageToVideo.fromPretrained(model)
    const clip = await sfv.animate(fixturePath('pipeline-tiny/image.png'), { ...settings, steps })
    await sfv.dispose()
    const expected = tensorOf(fixture, `steps${steps}.frames_u8`).data
    const off = clip.frames.data.reduce((most, value, i) => Math.max(most, Math.abs(value - expected[i]!)), 0)
    expect(off).toBeLessThanOrEqual(1)
  })
})
