import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { UserError } from '../../src/errors.js'
import { Checkpoint, saveCheckpoint, type NamedValues } from '../../src/weights/checkpoint.node.js'
import { float16ToFloat32, float32ToFloat16 } from '../../src/weights/convert.js'
import { fixturePath, readBytes, readFixture } from '../support/fixture.js'

let folder = ''
beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'sfv-checkpoint-'))))
afterEach(() => rm(folder, { recursive: true, force: true }))

const inFolder = (name: string): string => join(folder, name)
const save = (name: string, value: number, names = ['a']): Promise<void> =>
  saveCheckpoint(
    inFolder(name),
    names.map((name) => ({ name, shape: [1], data: Float32Array.of(value) })),
  )

/** Compares arrays of millions of values a thousand times faster than `toEqual`. */
function expectSameBytes(actual: ArrayBufferView, expected: ArrayBufferView): void {
  const [a, b] = [actual, expected].map((view) => Buffer.from(view.buffer, view.byteOffset, view.byteLength))
  expect(a!.equals(b!)).toBe(true)
}

/** Expects a UserError that matches all patterns, on one line. */
async function expectUserError(promise: Promise<unknown>, ...patterns: readonly (RegExp | string)[]): Promise<void> {
  const error = await promise.then(
    () => undefined,
    (error: unknown) => error,
  )
  expect(error).toBeInstanceOf(UserError)
  for (const pattern of [...patterns, /^.+$/]) expect((error as UserError).message).toMatch(pattern)
}

describe('one file', () => {
  it('reads the values of the tiny UNet', async () => {
    const path = 'pipeline-tiny/unet/diffusion_pytorch_model.safetensors'
    const checkpoint = await Checkpoint.open(fixturePath(path))
    const values = await checkpoint.readAll()
    const expected = readFixture(path)
    expect(values.size).toBe(424)
    for (const [name, { data, shape }] of expected) {
      expect(checkpoint.tensors.get(name)).toMatchObject({ dtype: 'F32', shape, file: fixturePath(path) })
      expectSameBytes(values.get(name)!, data)
    }
  })

  it('reads U8 values', async () => {
    const packed = 'pipeline-tiny/case.safetensors.gz'
    await writeFile(inFolder('case.safetensors'), readBytes(packed))
    const checkpoint = await Checkpoint.open(inFolder('case.safetensors'))
    const expected = readFixture(packed).get('in.image')!
    expect(await checkpoint.read('in.image')).toEqual(Float32Array.from(expected.data))
  })

  it('refuses a tensor that is not there', async () => {
    await save('x.safetensors', 1)
    const checkpoint = await Checkpoint.open(inFolder('x.safetensors'))
    await expectUserError(checkpoint.read('b'), 'x.safetensors', /has no tensor "b"/)
  })

  it('refuses a missing file, an empty one and one cut short', async () => {
    await expectUserError(Checkpoint.open(inFolder('none.safetensors')), 'none.safetensors', /no such file/)
    await writeFile(inFolder('empty.safetensors'), '')
    await expectUserError(Checkpoint.open(inFolder('empty.safetensors')), 'empty.safetensors', /only 0 bytes/)
    await save('cut.safetensors', 1)
    await truncate(inFolder('cut.safetensors'), 40)
    await expectUserError(Checkpoint.open(inFolder('cut.safetensors')), 'cut.safetensors', /is cut off/)
  })

  it('notices a file that was cut or removed after it was opened', async () => {
    const path = inFolder('x.safetensors')
    await save('x.safetensors', 1)
    const checkpoint = await Checkpoint.open(path)
    await truncate(path, checkpoint.tensors.get('a')!.offset + 2)
    await expectUserError(checkpoint.read('a'), 'x.safetensors', /ends before byte/)
    await rm(path)
    await expectUserError(checkpoint.read('a'), 'x.safetensors', /no such file/)
  })
})

describe('a folder', () => {
  const fullValue = async (variant?: 'fp16'): Promise<number> => {
    const checkpoint = await Checkpoint.open(folder, { variant })
    return (await checkpoint.read('a'))[0]!
  }

  it.each(['diffusion_pytorch_model', 'model'])('prefers the full precision of %s', async (stem) => {
    await save(`${stem}.fp16.safetensors`, 16)
    expect(await fullValue()).toBe(16)
    await save(`${stem}.safetensors`, 32)
    expect(await fullValue()).toBe(32)
    expect(await fullValue('fp16')).toBe(16)
  })

  it.each([
    ['model.safetensors.index.json', undefined],
    ['diffusion_pytorch_model.safetensors.index.fp16.json', 'fp16'],
  ] as const)('finds %s', async (index, variant) => {
    await save('model-00001-of-00001.safetensors', 5)
    await writeFile(inFolder(index), JSON.stringify({ weight_map: { a: 'model-00001-of-00001.safetensors' } }))
    expect(await fullValue(variant)).toBe(5)
  })

  it('refuses one without weights, or without the variant', async () => {
    await expectUserError(Checkpoint.open(folder), folder, /holds no weights.* model\.safetensors/)
    await save('model.safetensors', 1)
    await expectUserError(Checkpoint.open(folder, { variant: 'fp16' }), folder, /model\.fp16\.safetensors/)
  })

  it('refuses a folder in the place of the file', async () => {
    await mkdir(inFolder('model.safetensors'))
    await expectUserError(Checkpoint.open(folder), 'model.safetensors')
  })
})

describe('shards', () => {
  const index = 'model.safetensors.index.json'
  const open = async (weightMap: unknown): Promise<Checkpoint> => {
    await writeFile(inFolder(index), JSON.stringify({ metadata: { total_size: 12 }, weight_map: weightMap }))
    return Checkpoint.open(inFolder(index))
  }
  beforeEach(async () => {
    await save('1.safetensors', 1, ['a', 'b'])
    await save('2.safetensors', 2, ['c'])
  })

  it('reads every tensor from its shard', async () => {
    const values = await (await open({ a: '1.safetensors', c: '2.safetensors', b: '1.safetensors' })).readAll()
    expect(values).toEqual(
      new Map(Object.entries({ a: [1], b: [1], c: [2] }).map(([k, v]) => [k, Float32Array.from(v)])),
    )
  })

  it('refuses a missing shard', () =>
    expectUserError(open({ a: '1.safetensors', b: '1.safetensors', c: '3.safetensors' }), '3.safetensors', /no such/))

  it('refuses a tensor that its shard lacks', () =>
    expectUserError(
      open({ a: '1.safetensors', b: '1.safetensors', c: '2.safetensors', d: '2.safetensors' }),
      index,
      /places tensor "d" in 2\.safetensors, which does not hold it/,
    ))

  it('refuses a tensor that the index lacks, or places elsewhere', async () => {
    const message = /does not place tensor "b" in 1\.safetensors/
    await expectUserError(open({ a: '1.safetensors', c: '2.safetensors' }), index, message)
    await expectUserError(open({ a: '1.safetensors', b: '2.safetensors', c: '2.safetensors' }), index, message)
  })

  it.each([['../1.safetensors'], ['/1.safetensors'], ['1.bin'], [7]])('refuses the shard name %s', (shard) =>
    expectUserError(open({ a: shard }), index, /weight_map\.a is not the name of a \.safetensors file/),
  )

  it.each([[undefined], [{}], [[]], ['1.safetensors']])('refuses the weight map %j', (weightMap) =>
    expectUserError(open(weightMap), index, /field weight_map/),
  )

  it('refuses an index that is not JSON, has a name twice, or is missing', async () => {
    await writeFile(inFolder(index), '{"weight_map":')
    await expectUserError(Checkpoint.open(inFolder(index)), index, /not valid JSON/)
    await writeFile(inFolder(index), '{"weight_map":{"a":"1.safetensors","a":"2.safetensors"}}')
    await expectUserError(Checkpoint.open(inFolder(index)), index, /the key "a" twice/)
    await expectUserError(Checkpoint.open(inFolder(`other.${index}`)), index, /no such file/)
  })
})

describe('checkAgainst', () => {
  const shapes = async (): Promise<[Checkpoint, Map<string, readonly number[]>]> => {
    const checkpoint = await Checkpoint.open(fixturePath('pipeline-tiny/image_encoder'))
    return [checkpoint, new Map([...checkpoint.tensors].map(([name, { shape }]) => [name, shape]))]
  }

  it('accepts the same names and shapes', async () => {
    const [checkpoint, expected] = await shapes()
    expect(() => checkpoint.checkAgainst(expected, 'the image encoder')).not.toThrow()
  })

  it('names what is missing, unexpected and of another shape', async () => {
    const [checkpoint, expected] = await shapes()
    const [first, second, third] = [...expected.keys()]
    expected.delete(first!)
    expected.set(second!, [2, 2]).set('lost', [1])
    const check = (): void => checkpoint.checkAgainst(expected, 'the image encoder')
    expect(check).toThrow(UserError)
    expect(check).toThrow(`missing: "lost"`)
    expect(check).toThrow(`unexpected: "${first}"`)
    expect(check).toThrow(new RegExp(`of another shape: "${second}" \\[.*\\] instead of \\[2, 2\\]`))
    expect(check).not.toThrow(third)
  })

  it('tells how many more there are in a checkpoint of another architecture', async () => {
    const [, expected] = await shapes()
    const unet = await Checkpoint.open(fixturePath('pipeline-tiny/unet'))
    expect(() => unet.checkAgainst(expected, 'the image encoder')).toThrow(
      /unet is not a checkpoint of the image encoder/,
    )
    expect(() => unet.checkAgainst(expected, 'the image encoder')).toThrow(/missing: ("[^"]+"(, )?){3} and 37 more/)
    expect(() => unet.checkAgainst(expected, 'the image encoder')).toThrow(/unexpected: ("[^"]+"(, )?){3} and 421 more/)
  })

  it('lets pass what it is told to ignore', async () => {
    const [checkpoint, expected] = await shapes()
    expected.delete('visual_projection.weight')
    expect(() => checkpoint.checkAgainst(expected, 'it')).toThrow('visual_projection.weight')
    expect(() => checkpoint.checkAgainst(expected, 'it', { ignore: /^visual_projection\./ })).not.toThrow()
  })
})

describe('saveCheckpoint', () => {
  const tensors: NamedValues[] = [
    { name: 'b', shape: [2, 2], data: Float32Array.of(1, 2 ** -24, 1 / 3, -65504) },
    { name: 'a', shape: [], data: Float32Array.of(7) },
    { name: 'none', shape: [0], data: new Float32Array() },
  ]

  it('writes the tiny UNet to the values of its half-precision file and back', async () => {
    const unet = await Checkpoint.open(fixturePath('pipeline-tiny/unet'))
    const values = await unet.readAll()
    const named = [...values].map(([name, data]) => ({ name, shape: unet.tensors.get(name)!.shape, data }))
    await saveCheckpoint(inFolder('model.fp16.safetensors'), named, { dtype: 'F16' })
    const half = await Checkpoint.open(folder)
    half.checkAgainst(new Map(named.map(({ name, shape }) => [name, shape])), 'the UNet')
    for (const [name, data] of await half.readAll()) {
      expectSameBytes(data, float16ToFloat32(float32ToFloat16(values.get(name)!)))
    }
  })

  it.each([
    ['F32', 24 - 4],
    ['F16', 12 - 2],
    ['BF16', 12 - 2],
  ] as const)('writes %s', async (dtype, dataBytes) => {
    await saveCheckpoint(inFolder('model.safetensors'), tensors.values(), { dtype, metadata: { step: '9' } })
    const checkpoint = await Checkpoint.open(folder)
    expect([...checkpoint.tensors.values()].map(({ dtype }) => dtype)).toEqual([dtype, dtype, dtype])
    expect((await checkpoint.read('a'))[0]).toBe(7)
    expect((await checkpoint.read('b'))[1]).toBe(2 ** -24)
    const bytes = await readFile(inFolder('model.safetensors'))
    const start = 8 + Number(bytes.readBigUInt64LE())
    expect(bytes.length - start).toBe(dataBytes)
    expect(JSON.parse(bytes.toString('utf8', 8, start))).toMatchObject({ __metadata__: { format: 'pt', step: '9' } })
  })

  it('asserts that values fit their shape', async () => {
    const wrong = [{ name: 'a', shape: [2], data: Float32Array.of(1) }]
    await expect(saveCheckpoint(inFolder('x.safetensors'), wrong)).rejects.toThrow('"a" has 1 values for shape [2]')
    expect(await readdir(folder)).toEqual([])
  })

  it('refuses a place that cannot be written, and leaves nothing behind', async () => {
    await copyFile(fixturePath('pipeline-tiny/model_index.json'), inFolder('file'))
    await expectUserError(saveCheckpoint(inFolder('file/x.safetensors'), tensors), 'x.safetensors', /cannot write/)
    await mkdir(inFolder('taken.safetensors'))
    await expectUserError(saveCheckpoint(inFolder('taken.safetensors'), tensors), /cannot write/)
    expect((await readdir(folder)).sort()).toEqual(['file', 'taken.safetensors'])
  })
})
