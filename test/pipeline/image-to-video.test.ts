import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { UserError } from '../../src/errors.js'
import { ImageToVideo, type AnimateOptions } from '../../src/pipeline/image-to-video.js'
import type { ModelSource } from '../../src/svd/model-source.js'
import type { AnimateProgress } from '../../src/pipeline/progress.js'
import { nodeEngine } from '../../src/runtime/engine.node.js'
import type { Engine } from '../../src/runtime/program.js'
import { spyingEngine } from './support/spying-engine.js'
import { picture, tinySource } from './tiny.js'

let source: ModelSource
beforeAll(async () => {
  source = await tinySource()
})

/** Small clips of two frames, made fast. */
const small: AnimateOptions = { frames: 2, width: 32, height: 32, seed: 1 }

/** An engine that counts the programs that are open and those that ever were. */
function countingEngine(): Engine & { open: number; loads: number } {
  const engine = nodeEngine({ threads: 1 })
  const counting = {
    device: engine.device,
    open: 0,
    loads: 0,
    async load(graph: Parameters<Engine['load']>[0]) {
      const program = await engine.load(graph)
      counting.open++
      counting.loads++
      const { inputs, outputs } = program
      const dispose = () => (counting.open--, program.dispose())
      return { inputs, outputs, run: program.run.bind(program), dispose }
    },
  }
  return counting
}

/** The tiny model with a student, and which component's weights are opened. */
function withStudent(): { source: ModelSource; opened: string[] } {
  const opened: string[] = []
  const components = new Map([...source.components, ['student', source.components.get('unet')!]])
  const weights = (name: string) => {
    opened.push(name)
    return source.weights(name === 'student' ? 'unet' : name)
  }
  return { source: { path: source.path, components, weights }, opened }
}

describe('seeds', () => {
  let sfv: ImageToVideo
  beforeAll(() => {
    sfv = new ImageToVideo(source, nodeEngine({ threads: 1 }))
  })
  afterAll(() => sfv.dispose())

  it('make the same clip again, and another one for another seed', async () => {
    const [first, again, other] = await Promise.all(
      [1, 1, 2].map((seed) => sfv.animate(picture, { ...small, steps: 2, seed })),
    )
    expect(again!.frames.data).toEqual(first!.frames.data)
    expect(other!.frames.data).not.toEqual(first!.frames.data)
    expect(first!.metadata).toMatchObject({ seed: '1', steps: '2', guidance: '1:3', motion: '127' })
  })

  it('are drawn where none is given, and told', async () => {
    const clip = await sfv.animate(picture, { ...small, seed: undefined })
    const again = await sfv.animate(picture, { ...small, seed: Number(clip.metadata['seed']) })
    expect(again.frames.data).toEqual(clip.frames.data)
  })

  it('give the first frames the same noise, however many follow', async () => {
    const latents: Float32Array[] = []
    const spying = spyingEngine(({ sample }) => {
      if (sample) latents.push(sample.slice() as Float32Array)
    })
    const spied = new ImageToVideo(source, spying)
    await spied.animate(picture, { ...small, frames: 2 })
    await spied.animate(picture, { ...small, frames: 3 })
    await spied.dispose()
    expect(latents[1]!.subarray(0, latents[0]!.length)).toEqual(latents[0])
  })
})

describe('steps', () => {
  it('of one use the student, of more the teacher', async () => {
    const { source: both, opened } = withStudent()
    const warnings: AnimateProgress[] = []
    const onProgress = (progress: AnimateProgress) => void (progress.type === 'warning' && warnings.push(progress))
    const sfv = new ImageToVideo(both, nodeEngine({ threads: 1 }))
    await sfv.animate(picture, { ...small, steps: 1, onProgress })
    expect([...opened].sort()).toEqual(['image_encoder', 'student', 'vae'])
    await sfv.animate(picture, { ...small, steps: 2, onProgress })
    expect(opened.at(-1)).toBe('unet')
    await sfv.dispose()
    expect(warnings).toEqual([])
  })

  it('of one warn where there is no student', async () => {
    const events: AnimateProgress[] = []
    const sfv = new ImageToVideo(source, nodeEngine({ threads: 1 }))
    await sfv.animate(picture, { ...small, onProgress: (progress) => events.push(progress) })
    await sfv.dispose()
    expect(events[0]).toMatchObject({ type: 'warning', message: expect.stringContaining('has no student') })
  })
})

describe('what a model is best asked for', () => {
  it('is asked for where nothing is told', async () => {
    const engine = nodeEngine({ threads: 1 })
    const sfv = new ImageToVideo({ ...source, defaults: { motion: 40, maxGuidance: 1 } }, engine)
    const usual = new ImageToVideo(source, engine)
    const clip = await sfv.animate(picture, { ...small, steps: 2 })
    const told = await usual.animate(picture, { ...small, steps: 2, motion: 40, maxGuidance: 1 })
    expect(clip.frames.data).toEqual(told.frames.data)
    expect(clip.metadata).toMatchObject({ motion: '40' })
    expect(clip.metadata).not.toHaveProperty('guidance')
    const other = await sfv.animate(picture, { ...small, steps: 2, motion: 90, maxGuidance: 2 })
    expect(other.metadata).toMatchObject({ motion: '90', guidance: '1:2' })
    const high = await sfv.animate(picture, { ...small, motion: 'high' })
    expect(high.metadata).toMatchObject({ motion: '187' })
    await Promise.all([sfv.dispose(), usual.dispose()])
  })
})

describe('memory', () => {
  it('keeps the networks for clips of the same shape, and no others', async () => {
    const engine = countingEngine()
    const sfv = new ImageToVideo(source, engine)
    await sfv.animate(picture, small)
    expect(engine).toMatchObject({ open: 4, loads: 4 })
    await sfv.animate(picture, { ...small, seed: 2, motion: 20 })
    expect(engine).toMatchObject({ open: 4, loads: 4 })
    await sfv.animate(picture, { ...small, frames: 3, decodeChunk: 2 })
    expect(engine).toMatchObject({ open: 5, loads: 9 })
    await sfv.dispose()
    expect(engine.open).toBe(0)
  })

  it('is saved by one network at a time, with the same clip', async () => {
    const engine = countingEngine()
    let most = 0
    const onProgress = () => void (most = Math.max(most, engine.open))
    const sparing = new ImageToVideo(source, engine, { lowMemory: true })
    const clip = await sparing.animate(picture, { ...small, onProgress })
    expect([most, engine.open]).toEqual([1, 1])
    expect((await sparing.animate(picture, { ...small, onProgress })).frames).toEqual(clip.frames)
    await sparing.dispose()
    expect([most, engine.open]).toEqual([1, 0])
    const usual = new ImageToVideo(source, nodeEngine({ threads: 1 }))
    expect(clip.frames.data).toEqual((await usual.animate(picture, small)).frames.data)
    await usual.dispose()
  })
})

it.each([false, true])('progress rises to its total, stage by stage (lowMemory: %s)', async (lowMemory) => {
  const events: Extract<AnimateProgress, { type: 'stage' }>[] = []
  const onProgress = (progress: AnimateProgress) => void (progress.type === 'stage' && events.push(progress))
  const sfv = new ImageToVideo(source, nodeEngine({ threads: 1 }), { lowMemory })
  await sfv.animate(picture, { ...small, frames: 3, steps: 3, decodeChunk: 2, onProgress })
  await sfv.dispose()
  const totals = { open: 5, encode: 2, denoise: 3, decode: 2 }
  expect(new Set(events.map(({ stage }) => stage))).toEqual(new Set(Object.keys(totals)))
  for (const [stage, total] of Object.entries(totals)) {
    const own = events.filter((event) => event.stage === stage)
    const counted = Array.from({ length: total }, (_, i) => i + 1)
    expect(own.map(({ done }) => done).filter((done) => done > 0)).toEqual(counted)
    expect(own.every((event) => event.total === total)).toBe(true)
  }
})

describe('a signal', () => {
  it('ends the work, and leaves the model usable', async () => {
    const engine = countingEngine()
    const sfv = new ImageToVideo(source, engine)
    const stop = new AbortController()
    const onProgress = (progress: AnimateProgress) => {
      if (progress.type === 'stage' && progress.stage === 'denoise') stop.abort()
    }
    const aborted = sfv.animate(picture, { ...small, steps: 5, signal: stop.signal, onProgress })
    await expect(aborted).rejects.toMatchObject({ name: 'AbortError' })
    await expect(sfv.animate(picture, { ...small, steps: 2 })).resolves.toMatchObject({ fps: 7 })
    await sfv.dispose()
    expect(engine.open).toBe(0)
  })
})

describe('what cannot be is refused', () => {
  const refused: [string, AnimateOptions, string][] = [
    ['a size', { width: 36 }, 'this model cannot make 36x64 pixels: give sides that are multiples of 8, such as 40x64'],
    ['a number', { frames: 0 }, 'frames is 0; give a whole number from 1 to 1000'],
    ['a fraction', { steps: 1.5 }, 'steps is 1.5; give a whole number from 1 to 1000'],
    ['guidance', { steps: 2, minGuidance: 2, maxGuidance: 1 }, 'guidance 2:1 falls from above 1 to 1'],
    ['a word', { motion: 'much' as 'low' }, 'motion is much; give low, medium, high or a number from 0 to 255'],
    ['a setting', { step: 4 } as AnimateOptions, 'step: no such setting; known are steps, network'],
    ['latents', { latents: new Float32Array(3) }, 'latents has 3 values; give 4096'],
  ]
  it.each(refused)('%s', async (_, options, message) => {
    const sfv = new ImageToVideo(source, nodeEngine({ threads: 1 }))
    const error = await sfv.animate(picture, { height: 64, ...options }).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(UserError)
    expect((error as Error).message).toContain(message)
  })

  it('a model whose parts do not fit', () => {
    const unet = source.components.get('unet')!
    const config = { ...(unet.config as object), cross_attention_dim: 64 }
    const components = new Map([...source.components, ['unet', { ...unet, config }]])
    expect(() => new ImageToVideo({ ...source, components }, nodeEngine())).toThrow(
      /unet\/config.json: field cross_attention_dim is not the image encoder's projection_dim 32/,
    )
  })
})
