import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { alone } from '../../../src/runtime/group.js'
import { inTeam } from '../../../src/runtime/team.node.js'
import { processesOf } from '../../../src/training/trainer/processes.node.js'
import { type TrainEvent } from '../../../src/training/trainer/events.js'
import { Checkpoint } from '../../../src/weights/checkpoint.node.js'
import { smokeRecipe } from '../support/smoke.js'
import { Workshop } from '../support/workshop.js'

const MINUTES = 600_000

describe('the number of processes', () => {
  const here = { threads: 4, onCpu: true, group: alone }
  const teacher = (fields: object) => smokeRecipe('teacher', fields as Record<string, unknown>)

  it.each([
    [8, 4, 4],
    [8, 3, 2],
    [6, 4, 3],
    [7, 4, 1],
    [1, 4, 1],
  ])('is, for a batch of %i on %i threads, %i', (batch, threads, processes) =>
    expect(processesOf(teacher({ batch }), { ...here, threads })).toBe(processes),
  )

  it('is one on an accelerator, under MPI, and where a batch is held against itself', () => {
    const recipe = teacher({ batch: 4 })
    expect(processesOf(recipe, { ...here, onCpu: false })).toBe(1)
    expect(processesOf(recipe, { ...here, group: { ...alone, size: 2 } })).toBe(1)
    expect(processesOf(smokeRecipe('image-encoder', { batch: 4 }), here)).toBe(1)
    expect(processesOf(smokeRecipe('video-features', { batch: 4 }), here)).toBe(1)
  })

  it('is what the recipe says, where that is possible', () => {
    expect(processesOf(teacher({ batch: 4, processes: 2 }), here)).toBe(2)
    expect(() => processesOf(teacher({ batch: 4, processes: 3 }), here)).toThrow(/choose one of 1, 2, or "auto"/)
    const pair = { ...alone, size: 2 }
    expect(() => processesOf(teacher({ batch: 4, processes: 2 }), { ...here, group: pair })).toThrow(
      /MPI has started 2/,
    )
    expect(() => processesOf(smokeRecipe('image-encoder', { batch: 4, processes: 2 }), here)).toThrow(/leave it out/)
  })
})

describe('a team of threads', () => {
  let workshop: Workshop
  beforeAll(async () => {
    workshop = await Workshop.open()
  }, MINUTES)
  afterAll(() => workshop.close())

  // As for MPI: epsilon is well above the rounding of the gradients.
  const recipe = (folder: string, changes: object = {}) =>
    workshop.recipe('vae', {
      ...{ steps: 6, warmup: 0, checkpointEvery: 2, sampleEvery: 6, batch: 2 },
      optimizer: { name: 'adamw', learningRate: 1e-3, eps: 1e-3 },
      output: workshop.path(`${folder}-output`),
      ...changes,
    })

  async function weights(folder: string): Promise<Float32Array> {
    const checkpoint = await Checkpoint.open(workshop.path(folder, 'checkpoints/step-0000006/vae.safetensors'))
    return checkpoint.read('parameters')
  }

  it(
    'trains to the weights of one process, and after a stop to the very same bits',
    async () => {
      await workshop.train(recipe('one', { processes: 1 }), 'one')
      const events: TrainEvent[] = []
      await workshop.train(recipe('two', { processes: 2 }), 'two', { onEvent: (event) => events.push(event) })
      expect(events.find(({ type }) => type === 'started')).toMatchObject({ processes: 2, clipsPerStep: 2 })
      const [one, two] = [await weights('one'), await weights('two')]
      const largest = one.reduce((most, value, i) => Math.max(most, Math.abs(value - two[i]!)), 0)
      expect(largest).toBeLessThan(1e-5)
      const [oneLog, twoLog] = [await workshop.log('one'), await workshop.log('two')]
      twoLog.forEach((line, i) => expect(line.loss).toBeCloseTo(oneLog[i]!.loss!, 5))

      const stop = new AbortController()
      const onEvent = (event: TrainEvent) => void (event.type === 'step' && event.step === 3 && stop.abort())
      const stopped = recipe('stopped', { processes: 2 })
      await workshop.train(stopped, 'stopped', { signal: stop.signal, onEvent })
      expect(await workshop.log('stopped')).toHaveLength(4)
      await workshop.train(stopped, 'stopped', { resume: true })
      expect(await weights('stopped')).toEqual(two)
    },
    MINUTES,
  )

  it(
    'says what is not finite, and on which batch, whichever process has met it',
    async () => {
      const bad = recipe('bad', {
        processes: 2,
        optimizer: { name: 'adamw', learningRate: 1e30 },
        maxGradientNorm: 1e30,
      })
      await expect(workshop.train(bad, 'bad')).rejects.toThrow(/^step \d+: .*(on the batch of|in another process)/)
    },
    MINUTES,
  )

  it(
    'ends with the error of the member that failed, though others wait for it',
    async () => {
      const failing = inTeam(2, {
        first: async (group) => {
          await group.average(new Float32Array(8))
          throw new RangeError('the first has had enough')
        },
        module: 'training/trainer/train-thread.node',
        request: { recipe: recipe('never', { processes: 2 }), options: { folder: workshop.path('never'), threads: 1 } },
      })
      await expect(failing).rejects.toThrow('the first has had enough')
    },
    MINUTES,
  )
})
