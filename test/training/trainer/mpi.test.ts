import { spawnSync } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { UserError } from '../../../src/errors.js'
import { joinMpi } from '../../../src/runtime/mpi.node.js'
import { Checkpoint } from '../../../src/weights/checkpoint.node.js'
import { Workshop } from '../support/workshop.js'

const MINUTES = 600_000
/** Where Open MPI is not installed, sfv trains in one process, and there is nothing to try here. */
const hasMpi = /Open MPI/.test(String(spawnSync('mpirun', ['--version']).stdout))

describe('a process that no MPI launcher has started', () => {
  it('is alone', async () => expect(await joinMpi({})).toBeUndefined())

  it.each([
    ['of another MPI', { PMI_SIZE: '2' }, /not Open MPI/],
    [
      'without its library',
      { OMPI_COMM_WORLD_SIZE: '2', SFV_MPI_LIBRARY: '/nowhere/libmpi.so' },
      /\(\/nowhere\/libmpi\.so: .*set SFV_MPI_LIBRARY/,
    ],
  ])('is not taken for alone in a job %s', async (_, env, message) => {
    await expect(joinMpi(env)).rejects.toThrow(UserError)
    await expect(joinMpi(env)).rejects.toThrow(message)
  })
})

describe.skipIf(!hasMpi)('two processes that mpirun has started (skipped without Open MPI)', () => {
  let workshop: Workshop
  beforeAll(async () => {
    workshop = await Workshop.open()
  }, MINUTES)
  afterAll(() => workshop.close())

  /**
   * Epsilon is well above the rounding of the gradients. At its usual 1e-8 AdamW takes a step of full length along the
   * sign of a gradient that is zero but for rounding, and the sum of two halves is rounded otherwise than the whole.
   */
  const recipe = (folder: string, changes: object = {}) =>
    workshop.recipe('vae', {
      ...{ steps: 6, warmup: 0, checkpointEvery: 2, sampleEvery: 6, batch: 1 },
      optimizer: { name: 'adamw', learningRate: 1e-3, eps: 1e-3 },
      output: workshop.path(`${folder}-output`),
      ...changes,
    })

  async function weights(folder: string): Promise<Float32Array> {
    expect(await readdir(workshop.path(folder, 'checkpoints'))).toEqual(['step-0000004', 'step-0000006'])
    const checkpoint = await Checkpoint.open(workshop.path(folder, 'checkpoints/step-0000006/vae.safetensors'))
    return checkpoint.read('parameters')
  }

  it(
    'train to the weights of one process with twice the batch, and after a kill to the very same bits',
    async () => {
      await workshop.train(recipe('one', { batch: 2 }), 'one')
      expect(await workshop.trainApart(recipe('two'), 'two', { ranks: 2 })).toMatchObject({ code: 0 })
      const [one, two] = [await weights('one'), await weights('two')]
      const largest = one.reduce((most, value, i) => Math.max(most, Math.abs(value - two[i]!)), 0)
      expect(largest).toBeLessThan(1e-5)
      const [oneLog, twoLog] = [await workshop.log('one'), await workshop.log('two')]
      twoLog.forEach((line, i) => expect(line.loss).toBeCloseTo(oneLog[i]!.loss!, 5))

      const killed = recipe('killed')
      const kill = { steps: 3, delay: 5, rank: 1 }
      const ending = await workshop.trainApart(killed, 'killed', { ranks: 2, kill })
      expect(ending.code).not.toBe(0)
      expect(ending.errors).toMatch(/rank 1 .* exited on signal 9/)
      expect(await workshop.trainApart(killed, 'killed', { ranks: 2 })).toMatchObject({ code: 0 })
      expect(await weights('killed')).toEqual(two)
    },
    MINUTES,
  )
})
