import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ImageToVideo } from '../../src/pipeline/image-to-video.js'
import { nodeEngine } from '../../src/runtime/engine.node.js'
import { Random } from '../../src/runtime/random.js'
import { openModelFolder } from '../../src/svd/model-folder.node.js'
import { Model } from '../../src/svd/model.js'
import { mergeLora } from '../../src/training/lora/merge-lora.node.js'
import { ParameterSet } from '../../src/nn/weights.js'
import { traceUNet } from '../../src/training/objectives/denoiser.js'
import { readWeights } from '../../src/training/output/components.node.js'
import { Layout } from '../../src/training/trainer/parameters.js'
import { Checkpoint, saveCheckpoint } from '../../src/weights/checkpoint.node.js'
import { LORA_FILE } from '../../src/weights/weight-files.js'
import { picture, TINY } from '../pipeline/tiny.js'

let folder: string
const small = () => join(folder, 'small')
const merged = () => join(folder, 'merged')

function largestDifference(a: Float32Array | Uint8Array, b: Float32Array | Uint8Array): number {
  let largest = 0
  a.forEach((value, i) => (largest = Math.max(largest, Math.abs(value - b[i]!))))
  return largest
}

/** Random updates of every attention's queries, and of every first convolution of a block. */
async function updates(rank: number | ((i: number) => number) = 2) {
  const { tensors } = await Checkpoint.open(join(TINY, 'unet'))
  const random = new Random(3, 'updates')
  return [...tensors]
    .filter(([name]) => /(to_q|conv1)\.weight$/.test(name))
    .flatMap(([name, { shape }], i) => {
      const r = typeof rank === 'number' ? rank : rank(i)
      const module = `unet.${name.replace(/\.weight$/, '')}`
      const [a, b] = [
        [r, ...shape.slice(1)],
        [shape[0]!, r, ...shape.slice(2).map(() => 1)],
      ]
      const values = (of: number[]) => random.normals(of.reduce((n, m) => n * m, 1)).map((x) => 0.1 * x)
      return [
        { name: `${module}.lora_A.weight`, shape: a, data: values(a) },
        { name: `${module}.lora_B.weight`, shape: b, data: values(b) },
      ]
    })
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sfv-lora-'))
  await cp(TINY, small(), { recursive: true })
  await cp(join(TINY, 'unet/config.json'), join(small(), 'student/config.json'), { recursive: true })
  const index = join(small(), 'model_index.json')
  const json = JSON.parse(await readFile(index, 'utf8')) as Record<string, unknown>
  await writeFile(index, JSON.stringify({ ...json, student: json['unet'] }))
  const lora = join(small(), 'student', LORA_FILE)
  await saveCheckpoint(lora, await updates())
  await mergeLora(TINY, lora, merged(), 'F32')
})
afterAll(() => rm(folder, { recursive: true, force: true }))

it('makes the clip of a student that is stored as a LoRA, as of the merged one', async () => {
  const clips: Uint8Array[] = []
  for (const path of [small(), merged(), TINY]) {
    const sfv = new ImageToVideo(await openModelFolder(path), nodeEngine({ threads: 1 }))
    const network = path === TINY ? 'unet' : 'student'
    clips.push((await sfv.animate(picture, { steps: 1, seed: 1, frames: 2, network })).frames.data)
    await sfv.dispose()
  }
  const [own, same, teacher] = clips as [Uint8Array, Uint8Array, Uint8Array]
  expect(largestDifference(own, same)).toBeLessThanOrEqual(1)
  // The updates change something.
  expect(largestDifference(own, teacher)).toBeGreaterThan(3)
})

it('goes on training from such a student with the merged weights', async () => {
  const json = JSON.parse(await readFile(join(TINY, 'unet/config.json'), 'utf8')) as object
  const { set } = traceUNet(new ParameterSet(), json, 'config.json')
  const [ours, theirs] = await Promise.all([small(), merged()].map((path) => readWeights(path, 'student', set)))
  expect(largestDifference(ours!, theirs!)).toBeLessThan(1e-7)
  expect(new Layout(set.shapes).size).toBe(ours!.length)
})

it('says what it cannot add up', async () => {
  const model = async () => new Model(await openModelFolder(small()), nodeEngine({ threads: 1 }))
  const lora = join(small(), 'student', LORA_FILE)
  const opened = async () => (await model()).smallestUnet('student').check()
  await saveCheckpoint(lora, await updates((i) => 2 + (i % 2)))
  await expect(opened()).rejects.toThrow(/has updates of 2 ranks; merge it with sfv merge$/)
  await saveCheckpoint(lora, [{ name: 'lora_unet_x.alpha', shape: [], data: Float32Array.of(1) }])
  await expect(opened()).rejects.toThrow(/"lora_unet_x.alpha" is no tensor of a LoRA as sfv writes it/)
  const stranger = (await updates()).map((tensor) => ({ ...tensor, name: tensor.name.replace('unet.', 'unet.other.') }))
  await saveCheckpoint(lora, stranger)
  await expect(opened()).rejects.toThrow(/unexpected/)
})
