import { randomInt } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { UserError } from '../../../src/errors.js'
import { input } from '../../../src/graph/ops/index.js'
import { clipVision, parseClipVisionConfig } from '../../../src/models/clip/index.js'
import { parseVideoFeaturesConfig, videoFeatures } from '../../../src/models/features/index.js'
import { parseVaeConfig, vaeDecoder, vaeEncoder } from '../../../src/models/vae/index.js'
import { ParameterSet } from '../../../src/nn/weights.js'
import { readConfig } from '../../../src/training/output/components.node.js'
import { type Recipe } from '../../../src/training/objectives/registry.node.js'
import { type TrainEvent } from '../../../src/training/trainer/events.js'
import { mergeLora } from '../../../src/training/lora/merge-lora.node.js'
import { traceUNet } from '../../../src/training/objectives/denoiser.js'
import { Checkpoint } from '../../../src/weights/checkpoint.node.js'
import { Workshop, type LogLine } from '../support/workshop.js'

/** Generous: what takes seconds on an idle machine takes minutes beside a training run. */
const MINUTES = 600_000

let workshop: Workshop
beforeAll(async () => {
  workshop = await Workshop.open()
}, MINUTES)
afterAll(() => workshop.close())

/** Means of a number of the log over the first and the last `count` steps. */
function firstAndLast(log: readonly LogLine[], name: string, count = 8): [first: number, last: number] {
  const mean = (lines: readonly LogLine[]) => lines.reduce((sum, line) => sum + line[name]! / lines.length, 0)
  return [mean(log.slice(0, count)), mean(log.slice(-count))]
}

/** Opens a component that a run has written: float16, finite, and of the shapes that its own config.json asks for. */
async function expectComponent(
  component: string,
  trace: (set: ParameterSet, json: object, file: string) => unknown,
  folder = 'models',
) {
  const { json, file } = await readConfig(workshop.path(folder), component)
  const checkpoint = await Checkpoint.open(workshop.path(folder, component))
  const set = new ParameterSet()
  trace(set, json, file)
  checkpoint.checkAgainst(set.shapes, component)
  expect(new Set([...checkpoint.tensors.values()].map(({ dtype }) => dtype))).toEqual(new Set(['F16']))
  for (const values of (await checkpoint.readAll()).values()) expect(values.every(Number.isFinite)).toBe(true)
  return json as Record<string, unknown>
}

// One after another, as a user runs them: each objective needs the components that those before it have written.
describe('the smoke recipes', () => {
  async function run(objective: Recipe['objective'], changes = {}, folder: string = objective): Promise<LogLine[]> {
    const recipe = workshop.recipe(objective, changes)
    await workshop.train(recipe, folder)
    const log = await workshop.log(folder)
    expect(log.map(({ step }) => step)).toEqual(Array.from({ length: recipe.steps }, (_, i) => i + 1))
    const step = `step-${String(recipe.steps).padStart(7, '0')}`
    const moving = objective === 'image-encoder' ? [] : [`${step}.webp`]
    expect(await readdir(workshop.path(folder, 'samples'))).toEqual([`${step}.png`, ...moving])
    expect(await readdir(workshop.path(folder, 'tensorboard'))).toHaveLength(1)
    return log
  }

  it(
    'vae: learns to give pictures back, and measures the scale of its latents',
    async () => {
      const [first, last] = firstAndLast(await run('vae'), 'loss')
      expect(last).toBeLessThan(0.7 * first)
      const config = await expectComponent('vae', (set, json, file) => {
        const parsed = parseVaeConfig(json, file)
        vaeDecoder(set, parsed, vaeEncoder(set, parsed, input('shape', [1, 3, 16, 16])).mean, 1)
      })
      expect(config.scaling_factor).not.toBe(1)
    },
    MINUTES,
  )

  it(
    'image-encoder: learns to tell the figures apart',
    async () => {
      const [first, last] = firstAndLast(await run('image-encoder', { batch: 4 }), 'loss', 20)
      expect(last).toBeLessThan(0.9 * first)
      await expectComponent('image_encoder', (set, json, file) =>
        clipVision(set, parseClipVisionConfig(json, file), input('shape', [1, 3, 16, 16])),
      )
    },
    MINUTES,
  )

  it(
    'teacher: learns to denoise',
    async () => {
      const [first, last] = firstAndLast(await run('teacher'), 'loss')
      expect(last).toBeLessThan(0.9 * first)
      await expectComponent('unet', traceUNet)
    },
    MINUTES,
  )

  it(
    'teacher on altered clips and moved stills: learns as well',
    async () => {
      const sources = { output: workshop.path('models-altered'), stills: workshop.path('data') }
      const log = await run('teacher', { ...sources, stillsShare: 0.5, augmentation: 0.5 }, 'altered')
      const [first, last] = firstAndLast(log, 'loss')
      expect(last).toBeLessThan(0.95 * first)
    },
    MINUTES,
  )

  it(
    'sfv: generator and heads learn, and the teacher is left as it is',
    async () => {
      const teacher = await readFile(workshop.path('models/unet/diffusion_pytorch_model.safetensors'))
      const log = await run('sfv')
      const [first, last] = firstAndLast(log, 'reconstruction', 12)
      expect(last).toBeLessThan(0.95 * first)
      const [headsFirst, headsLast] = firstAndLast(log, 'headsLoss', 12)
      expect(headsLast).toBeLessThan(headsFirst)
      await expectComponent('student', traceUNet)
      expect(await readFile(workshop.path('models/unet/diffusion_pytorch_model.safetensors'))).toEqual(teacher)
    },
    MINUTES,
  )

  it.each([
    ['ufogen', ['x0Error', 'headsLoss']],
    ['ladd', ['headsLoss']],
    ['consistency', ['loss']],
  ] as const)(
    '%s: %j fall',
    async (objective, names) => {
      const log = await run(objective, { output: workshop.path(`models-${objective}`) })
      for (const name of names) {
        const [first, last] = firstAndLast(log, name, 12)
        expect(last, name).toBeLessThan(first)
      }
    },
    MINUTES,
  )

  it(
    'video-features: learns to see what is wrong with clips',
    async () => {
      const output = workshop.path('models')
      const [first, last] = firstAndLast(await run('video-features', { output }), 'flawError', 30)
      expect(last).toBeLessThan(0.8 * first)
      await expectComponent('features', (set, json, file) => {
        const config = parseVideoFeaturesConfig(json, file)
        videoFeatures(set, config, input('clips', [1, config.frames, 3, config.imageSize, config.imageSize]))
      })
    },
    MINUTES,
  )

  it(
    'sfv with a LoRA: learns, and writes what merging takes',
    async () => {
      const output = workshop.path('models-lora')
      const changes = { output, lora: { rank: 4, alpha: 8 }, optimizer: { name: 'adamw', learningRate: 0.01 } }
      await workshop.train(workshop.recipe('sfv', changes), 'lora')
      const [first, last] = firstAndLast(await workshop.log('lora'), 'headsLoss', 12)
      expect(last).toBeLessThan(first)
      const merge = (force: boolean) =>
        mergeLora(workshop.path('models'), join(output, 'student_lora'), output, 'F16', force)
      await expect(merge(false)).rejects.toThrow(/has a student already/)
      expect(await merge(true)).toBeGreaterThan(20)
      await expectComponent('student', traceUNet, 'models-lora')
    },
    MINUTES,
  )

  it('that name a target which the network has not are refused', async () => {
    const recipe = workshop.recipe('sfv', { output: workshop.path('no-target-model'), lora: { targets: ['to_query'] } })
    await expect(workshop.train(recipe, 'no-target')).rejects.toThrow(/lora\.targets: .*has no module to_query/)
  })
})

/** All files of a run that must not depend on whether it was killed: state of the learners, and the exported weights. */
async function results(folder: string, output: string): Promise<Record<string, Buffer>> {
  const files: Record<string, Buffer> = {}
  for (const top of [workshop.path(folder, 'checkpoints'), workshop.path(output)])
    for (const entry of await readdir(top, { recursive: true, withFileTypes: true }))
      // The notes of a model name its data, of which the two runs have copies of their own.
      if (entry.isFile() && !/README|training|manifest/.test(entry.name)) {
        const path = join(entry.parentPath, entry.name)
        files[path.slice(top.length)] = await readFile(path)
      }
  return files
}

const withoutSeconds = (log: readonly LogLine[]) => log.map((line) => ({ ...line, seconds: 0 }))

describe('a run', () => {
  it('is refused where the store has too few figures for a batch', async () => {
    const attempt = workshop.train(
      workshop.recipe('image-encoder', { batch: 5, output: workshop.path('crowded-model') }),
      'crowded',
    )
    await expect(attempt).rejects.toThrow(/^.*data has 4 figures for a batch of 5; lower batch$/)
  })

  it(
    'that is killed three times at random and resumed ends with the very bits of one that is not',
    async () => {
      const changes = { steps: 18, checkpointEvery: 2 }
      const whole = {
        ...changes,
        data: await workshop.copyOfData('data-whole'),
        output: workshop.path('student-whole'),
      }
      await workshop.train(workshop.recipe('sfv', whole), 'whole')

      const data = await workshop.copyOfData('data-killed')
      const killed = workshop.recipe('sfv', { ...changes, data, output: workshop.path('student-killed') })
      for (let life = 0; life < 3; life++)
        expect(
          await workshop.trainApart(killed, 'killed', { kill: { steps: randomInt(1, 4), delay: randomInt(60) } }),
        ).toMatchObject({ signal: 'SIGKILL' })
      await workshop.train(killed, 'killed', { resume: true })

      const [expected, actual] = [await results('whole', 'student-whole'), await results('killed', 'student-killed')]
      expect(Object.keys(actual).sort()).toEqual(Object.keys(expected).sort())
      const different = Object.keys(expected).filter((file) => !actual[file]!.equals(expected[file]!))
      expect(different).toEqual([])
      expect(withoutSeconds(await workshop.log('killed'))).toEqual(withoutSeconds(await workshop.log('whole')))
    },
    MINUTES,
  )

  describe('stopped after two steps', () => {
    const changes = { steps: 4, warmup: 0, checkpointEvery: 100 }
    const recipe = (more = {}) => workshop.recipe('image-encoder', { ...changes, ...more })
    const events: TrainEvent[] = []

    beforeAll(async () => {
      const stop = new AbortController()
      const onEvent = (event: TrainEvent) => {
        events.push(event)
        if (event.type === 'step' && event.step === 2) stop.abort()
      }
      const output = workshop.path('stopped-output')
      await workshop.train(recipe({ output }), 'stopped', { signal: stop.signal, onEvent })
    }, MINUTES)

    const stopped = (more = {}) => recipe({ output: workshop.path('stopped-output'), ...more })
    const saved = () => readdir(workshop.path('stopped', 'checkpoints'))

    it('has saved the second, and written no component', async () => {
      expect(events.map(({ type }) => type)).toEqual(['stage', 'stage', 'started', 'step', 'step', 'saved', 'finished'])
      expect(events.at(-1)).toEqual({ type: 'finished', step: 2 })
      expect(await saved()).toEqual(['step-0000002'])
      expect(existsSync(workshop.path('stopped-output'))).toBe(false)
    })

    it('is not begun anew in the same folder', async () => {
      await expect(workshop.train(stopped(), 'stopped')).rejects.toThrow(UserError)
      await expect(workshop.train(stopped(), 'stopped')).rejects.toThrow(/already holds a run; add --resume/)
    })

    it('is not resumed with another recipe', async () => {
      const attempt = () => workshop.train(stopped({ seed: 99 }), 'stopped', { resume: true })
      await expect(attempt()).rejects.toThrow(UserError)
      await expect(attempt()).rejects.toThrow(/recipe\.json differs from the recipe given in seed/)
      expect(await saved()).toEqual(['step-0000002'])
    })

    it(
      'stops at a number that is not finite, the batch named, the last good state kept',
      async () => {
        // After step 3 the weights are finite, and so large that step 4 is not: that checkpoint must not stay the newest.
        const diverging = stopped({ checkpointEvery: 3, optimizer: { name: 'adamw', learningRate: 1e30 } })
        const before = await results('stopped', 'stopped/checkpoints')
        const failure: unknown = await workshop
          .train(diverging, 'stopped', { resume: true })
          .catch((error: unknown) => error)
        expect(failure).toBeInstanceOf(UserError)
        expect((failure as UserError).message).toMatch(
          /^step 4: \w+ is (NaN|-?Infinity) on the batch of (fire|fox).* frame \d+, .*; the last good state, of step 2, is in .*checkpoints/,
        )
        expect(await results('stopped', 'stopped/checkpoints')).toEqual(before)
        expect(existsSync(workshop.path('stopped-output'))).toBe(false)
      },
      MINUTES,
    )

    it(
      'goes on to the weights of a run that was not stopped, also past a failed attempt',
      async () => {
        await workshop.train(stopped(), 'stopped', { resume: true })
        await workshop.train(recipe({ output: workshop.path('straight-output') }), 'straight')
        const weights = (folder: string) => readFile(workshop.path(folder, 'image_encoder', 'model.safetensors'))
        expect(await weights('stopped-output')).toEqual(await weights('straight-output'))
        expect((await workshop.log('stopped')).map(({ step }) => step)).toEqual([1, 2, 3, 4])
      },
      MINUTES,
    )
  })
})
