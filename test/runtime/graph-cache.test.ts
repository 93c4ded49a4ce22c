import { spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { Tensor, type InferenceSession } from 'onnxruntime-node'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { lower } from '../../src/graph/lower.js'
import { conv, input, parameter, silu } from '../../src/graph/ops/index.js'
import { cacheFolder } from '../../src/runtime/cache-folder.node.js'
import { GraphCache, type GraphCacheLimits } from '../../src/runtime/graph-cache.node.js'
import { Checkpoint, saveCheckpoint } from '../../src/weights/checkpoint.node.js'

let folder: string
beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'sfv-graph-cache-'))))
afterEach(() => rm(folder, { recursive: true, force: true }))

const CHANNELS = 32
const shape = [CHANNELS, CHANNELS, 3, 3]
const x = input('x', [1, CHANNELS, 8, 8])
const values = Float32Array.from({ length: x.size }, (_, i) => Math.sin(i))

/** A convolution whose weights, times `scale`, lie in a half-precision checkpoint. */
async function network(scale: number) {
  const weights = parameter('weight', shape)
  const data = Float32Array.from({ length: weights.size }, (_, i) => Math.cos(i) * scale)
  const file = join(folder, 'weights.safetensors')
  await saveCheckpoint(file, [{ name: 'weight', shape, data }], { dtype: 'F16' })
  const stored = (await Checkpoint.open(file)).tensors.get('weight')!
  return lower({ y: silu(conv(x, weights, undefined, { padding: 1 })) }, { bind: () => ({ ...stored, dtype: 'F16' }) })
}

const cached = () => join(folder, 'graphs')
const entries = async () => (await readdir(cached())).sort()
const entry = async () => join(cached(), (await entries())[0]!)

async function run(graph: ReturnType<typeof lower>, limits?: GraphCacheLimits, at = cached()): Promise<Float32Array> {
  const extra = { session: { model_external_initializers_file_folder_path: folder } }
  const options: InferenceSession.SessionOptions = { executionProviders: ['cpu'], logSeverityLevel: 4, extra }
  const session = await new GraphCache(at, limits).open(graph, options)
  const { y } = await session.run({ x: new Tensor('float32', values, [...x.shape]) })
  await session.release()
  return y!.data as Float32Array
}

describe('the cache of optimised graphs', () => {
  it('opens a graph from its entry, with the same result', async () => {
    const graph = await network(1)
    const first = await run(graph)
    expect(await entries()).toHaveLength(1)
    const written = await readFile(await entry())
    expect(await run(graph)).toEqual(first)
    expect(await entries()).toHaveLength(1)
    expect((await readFile(await entry())).equals(written)).toBe(true)
    // The weights are in it, as single precision.
    expect(written.length).toBeGreaterThan(4 * CHANNELS * CHANNELS * 9)
  })

  it.each([
    ['a changed byte', (bytes: Buffer) => (bytes[bytes.length >> 1]! ^= 1)],
    ['a missing end', (bytes: Buffer) => bytes.subarray(0, -100)],
    ['nothing in it', () => Buffer.alloc(0)],
  ])('makes an entry again that has %s', async (_, damage) => {
    const graph = await network(1)
    const first = await run(graph)
    const whole = await readFile(await entry())
    const bytes = Buffer.from(whole)
    const damaged = damage(bytes)
    await writeFile(await entry(), typeof damaged === 'number' ? bytes : damaged)
    expect(await run(graph)).toEqual(first)
    expect((await stat(await entry())).size).toBe(whole.length)
    expect(await run(graph)).toEqual(first)
  })

  it('does not take the entry of other weights in the same file', async () => {
    const first = await run(await network(1))
    const second = await run(await network(2))
    expect(second).not.toEqual(first)
    expect(second).toEqual(await run(await network(2), undefined, join(folder, 'empty')))
    expect(await entries()).toHaveLength(2)
  })

  it('leaves the weights of a large checkpoint in their file', async () => {
    const graph = await network(1)
    const limits = { largestWeights: 100 }
    const first = await run(graph, limits)
    expect((await stat(await entry())).size).toBeLessThan(4000)
    expect(await run(graph, limits)).toEqual(first)
  })

  it('drops the entries that were not used for longest', async () => {
    const limits = { largestTotal: 100_000 }
    await run(await network(1), limits)
    const [old] = await entries()
    await run(await network(2), limits)
    await run(await network(3), limits)
    const left = await entries()
    expect(left).toHaveLength(2)
    expect(left).not.toContain(old)
  })

  it('does without a folder that cannot be made', async () => {
    const graph = await network(1)
    await writeFile(join(folder, 'file'), '')
    expect(await run(graph, undefined, join(folder, 'file', 'graphs'))).toEqual(await run(graph))
    expect(await readdir(folder)).not.toContain('.part')
  })

  it('does without an entry that cannot be written or replaced', async () => {
    const graph = await network(1)
    const expected = await run(graph, undefined, join(folder, 'other'))
    const [name] = await readdir(join(folder, 'other'))
    // A folder in the entry's place can be neither read, nor removed, nor overwritten by a file: so for every user,
    // root too.
    await mkdir(join(cached(), name!, 'inside'), { recursive: true })
    expect(await run(graph)).toEqual(expected)
    expect(await entries()).toEqual([name])
  })

  it.skipIf(process.platform !== 'linux')('does without a folder whose file system refuses files', async () => {
    expect(await run(await network(1), undefined, '/proc/self')).toEqual(await run(await network(1)))
  })

  it('removes the parts of processes that have ended, and those of a day ago', async () => {
    await mkdir(cached())
    const ended = spawnSync(process.execPath, ['-e', '']).pid
    const [dead, alive, old] = [`.${ended}.a.part`, `.${process.pid}.b.part`, '.0123456789ab.part']
    for (const name of [dead, alive, old]) await writeFile(join(cached(), name), 'part')
    const yesterday = new Date(Date.now() - 25 * 3_600_000)
    await utimes(join(cached(), old), yesterday, yesterday)
    await run(await network(1))
    expect(await entries()).toEqual([alive, expect.stringMatching(/\.onnx$/)])
  })

  it('still tells what is wrong with a graph', async () => {
    const graph = await network(1)
    await rm(join(folder, 'weights.safetensors'))
    await writeFile(join(folder, 'weights.safetensors'), 'short')
    await expect(run(graph)).rejects.toThrow()
    expect(await entries()).toEqual([])
  })
})

describe('the folder of the cache', () => {
  it('is where the user or the system says', () => {
    expect(cacheFolder({ SFV_CACHE: '/a', XDG_CACHE_HOME: '/b' }, 'linux')).toBe('/a')
    expect(cacheFolder({ XDG_CACHE_HOME: '/b' }, 'linux')).toBe(join('/b', 'sfv'))
    expect(cacheFolder({}, 'linux')).toBe(join(homedir(), '.cache', 'sfv'))
    expect(cacheFolder({}, 'darwin')).toBe(join(homedir(), 'Library', 'Caches', 'sfv'))
    expect(cacheFolder({ LOCALAPPDATA: '/c' }, 'win32')).toBe(join('/c', 'sfv', 'cache'))
  })
})
