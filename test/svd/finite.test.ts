import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { UserError } from '../../src/errors.js'
import { finiteProgram, isFiniteArray } from '../../src/svd/finite.js'
import { ImageToVideo } from '../../src/pipeline/image-to-video.js'
import { openModelFolder } from '../../src/svd/model-folder.node.js'
import { nodeEngine } from '../../src/runtime/engine.node.js'
import { Checkpoint } from '../../src/weights/checkpoint.node.js'
import { picture, TINY } from '../pipeline/tiny.js'

let folder: string
beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'sfv-finite-'))))
afterEach(() => rm(folder, { recursive: true, force: true }))

const engine = nodeEngine({ threads: 1, optimize: false })

/** Writes a number over the first one of a tensor, and makes a clip. */
async function clipWith(component: string, tensor: string, value: number): Promise<unknown> {
  await cp(TINY, folder, { recursive: true })
  const { file, offset } = (await Checkpoint.open(join(folder, component))).tensors.get(tensor)!
  const bytes = await readFile(file)
  bytes.writeFloatLE(value, offset)
  await writeFile(file, bytes)
  const sfv = new ImageToVideo(await openModelFolder(folder), engine)
  const result = await sfv
    .animate(picture, { frames: 2, width: 64, height: 64, seed: 1 })
    .catch((error: unknown) => error)
  await sfv.dispose()
  return result
}

describe('a network whose weights hold a number that is none', () => {
  it.each([
    ['unet', 'conv_in.bias', NaN, 'UNetSpatioTemporalConditionModel'],
    ['vae', 'decoder.conv_in.weight', Infinity, 'AutoencoderKLTemporalDecoder'],
    ['image_encoder', 'visual_projection.weight', NaN, 'CLIPVisionModelWithProjection'],
  ])('is named: %s, %s is %d', async (component, tensor, value, className) => {
    const error = await clipWith(component, tensor, value)
    expect(error).toBeInstanceOf(UserError)
    const path = join(folder, component)
    expect((error as UserError).message).toBe(
      `${path} (${className}) gave numbers that are none (NaN or infinite), as its tensor ${tensor} holds such; download or export the weights again`,
    )
  })
})

describe('a network that overflows', () => {
  const program = (value: number) => ({
    ...{ inputs: [], outputs: [], dispose: () => Promise.resolve() },
    run: () => Promise.resolve({ out: Float32Array.of(1, value) }),
  })
  const weights = { path: 'm/vae', tensors: new Map(), checkAgainst: () => undefined }
  it.each([
    [true, /m\/vae \(Vae\) gave numbers that are none .*choose the precision float32/],
    [false, /m\/vae \(Vae\) gave numbers that are none .*its weights may be damaged/],
  ])('is named with what to do; in float16: %s', async (half, message) => {
    for (const value of [NaN, Infinity, -Infinity])
      await expect(finiteProgram(program(value), weights, 'Vae', half).run({})).rejects.toThrow(message)
    expect(await finiteProgram(program(3e38), weights, 'Vae', half).run({})).toEqual({ out: Float32Array.of(1, 3e38) })
  })
  it('is told from any finite numbers', () => {
    expect(isFiniteArray(new Float32Array())).toBe(true)
    expect(isFiniteArray(Float32Array.of(-3e38, 3e38, -0, 1e-45))).toBe(true)
  })
})

it('noise that is given must be finite', async () => {
  const sfv = new ImageToVideo(await openModelFolder(TINY), engine)
  const imageNoise = new Float32Array(3 * 64 * 64)
  imageNoise[7] = NaN
  await expect(sfv.animate(picture, { width: 64, height: 64, imageNoise })).rejects.toThrow(
    'imageNoise has values that are no numbers; give finite ones',
  )
})
