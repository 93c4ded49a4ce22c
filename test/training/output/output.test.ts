import { existsSync } from 'node:fs'
import { cp, mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ImageToVideo } from '../../../src/pipeline/pretrained.node.js'
import { type Recipe } from '../../../src/training/objectives/registry.node.js'
import { type TrainEvent } from '../../../src/training/trainer/events.js'
import { type TrainOptions } from '../../../src/training/trainer/train.node.js'
import { Checkpoint } from '../../../src/weights/checkpoint.node.js'
import { manifestOf } from '../../../src/weights/manifest.node.js'
import { Workshop } from '../support/workshop.js'

/** Generous: what takes seconds on an idle machine takes minutes beside a training run. */
const MINUTES = 600_000
const PICTURE = { width: 16, height: 16, count: 1, data: new Uint8Array(3 * 16 * 16).fill(200) }
const SHORT = { steps: 1, warmup: 0, decay: 'constant' }

let workshop: Workshop
let runs = 0

/** Trains for a step, in a folder of its own, and returns the last event. */
async function train(objective: Recipe['objective'], changes = {}, options: Partial<TrainOptions> = {}) {
  const events: TrainEvent[] = []
  const onEvent = (event: TrainEvent) => void events.push(event)
  const recipe = workshop.recipe(objective, { ...SHORT, ...changes })
  await workshop.train(recipe, `run-${++runs}`, { onEvent, ...options })
  return events.at(-1) as Extract<TrainEvent, { type: 'finished' }>
}

/** Opens a folder as `sfv animate` does, and makes a clip of it. */
async function animate(folder: string): Promise<string> {
  const model = await ImageToVideo.fromPretrained(workshop.path(folder), { cache: false })
  try {
    const clip = await model.animate(PICTURE, { width: 16, height: 16, frames: 2, seed: 1 })
    expect(clip.frames).toMatchObject({ width: 16, height: 16, count: 2 })
    return clip.metadata['unet'] ?? ''
  } finally {
    await model.dispose()
  }
}

beforeAll(async () => {
  workshop = await Workshop.open()
}, MINUTES)
afterAll(() => workshop.close())

describe('training from scratch into one folder, component by component', () => {
  it(
    'says what is still missing, and ends with a model that animate opens',
    async () => {
      expect((await train('vae')).missing).toEqual(['image_encoder', 'unet'])
      expect(existsSync(workshop.path('models', 'model_index.json'))).toBe(false)
      expect((await train('image-encoder', { batch: 4 })).missing).toEqual(['unet'])
      expect((await train('teacher')).missing).toEqual([])
      await animate('models')
      expect((await train('sfv')).missing).toEqual([])
      await animate('models')
    },
    MINUTES,
  )

  it('has a manifest of exactly what lies there, the student too', async () => {
    const manifest: unknown = JSON.parse(await readFile(workshop.path('models', 'manifest.json'), 'utf8'))
    expect(manifest).toEqual(await manifestOf(workshop.path('models')))
    expect(Object.keys((manifest as { files: object }).files)).toContain('student/diffusion_pytorch_model.safetensors')
  })

  it('has a README that says how each part was trained', async () => {
    const text = await readFile(workshop.path('models', 'README.md'), 'utf8')
    for (const objective of ['vae', 'image-encoder', 'teacher', 'sfv'])
      expect(text).toMatch(new RegExp(`\\| ${objective}, 1 steps.* on 4 clips of 16x16 at 7 a second`))
  })
})

describe('a run with an output of its own', () => {
  it.each([
    ['teacher', { output: 'other-teacher' }, []],
    ['sfv', { output: 'other-student' }, ['student']],
    ['sfv', { output: 'other-lora', lora: { rank: 2 } }, ['student', 'student_lora']],
    ['vae', { output: 'other-vae', network: 'models', part: 'decoder' }, ['student']],
    ['image-encoder', { output: 'other-encoder', network: 'models', batch: 4 }, ['student']],
  ] as const)(
    '%s with %j: ends with a whole model',
    async (objective, changes, extra) => {
      // What a person wrote there stays there.
      await writeFile(workshop.path('models', 'notes.txt'), 'mine')
      const paths = Object.fromEntries(
        Object.entries(changes).map(([name, value]) => [
          name,
          name === 'output' || name === 'network' ? workshop.path(value as string) : (value as unknown),
        ]),
      )
      const { missing } = await train(objective, paths)
      expect(missing).toEqual([])
      await animate(changes.output)
      const parts = ['feature_extractor', 'image_encoder', 'scheduler', 'unet', 'vae', ...extra]
      const files = ['README.md', 'manifest.json', 'model_index.json']
      expect(await readdir(workshop.path(changes.output))).toEqual([...files, ...parts].sort())
    },
    MINUTES,
  )

  it('leaves a README alone that a person wrote', async () => {
    await mkdir(workshop.path('with-readme'))
    await writeFile(workshop.path('with-readme', 'README.md'), '# By hand\n')
    await train('image-encoder', { batch: 4, output: workshop.path('with-readme') })
    expect(await readFile(workshop.path('with-readme', 'README.md'), 'utf8')).toBe('# By hand\n')
  })
})

describe('what is there already', () => {
  it('is not overwritten by another run, which is refused before its first step', async () => {
    const file = workshop.path('models', 'student', 'diffusion_pytorch_model.safetensors')
    const before = await readFile(file)
    await expect(train('sfv', { seed: 9 })).rejects.toThrow(/student holds a model that this run did not make.*--force/)
    expect((await readFile(file)).equals(before)).toBe(true)
    expect(existsSync(workshop.path(`run-${runs}`))).toBe(false)
  })

  it(
    'is replaced with --force, and no second file of weights stays',
    async () => {
      await cp(workshop.path('models'), workshop.path('forced'), { recursive: true })
      const student = workshop.path('forced', 'student')
      const whole = join(student, 'diffusion_pytorch_model.safetensors')
      await rename(whole, join(student, 'diffusion_pytorch_model.fp16.safetensors'))
      await train('sfv', { seed: 9, output: workshop.path('forced') }, { force: true })
      expect((await readdir(student)).sort()).toEqual([
        'config.json',
        'diffusion_pytorch_model.safetensors',
        'training.json',
      ])
    },
    MINUTES,
  )

  it(
    'is replaced by the run that made it, when that goes on',
    async () => {
      const output = workshop.path('longer')
      const recipe = (steps: number) => workshop.recipe('image-encoder', { ...SHORT, steps, batch: 4, output })
      await workshop.train(recipe(1), 'longer-run')
      const weights = () => readFile(join(output, 'image_encoder', 'model.safetensors'))
      const before = await weights()
      await workshop.train(recipe(2), 'longer-run', { resume: true })
      expect((await weights()).equals(before)).toBe(false)
      // Another run has since written there.
      await cp(workshop.path('models', 'image_encoder'), join(output, 'image_encoder'), {
        recursive: true,
        force: true,
      })
      await expect(workshop.train(recipe(3), 'longer-run', { resume: true })).rejects.toThrow(/did not make/)
    },
    MINUTES,
  )

  it('must be the very networks that the run trains with', async () => {
    const output = workshop.path('mixed')
    await cp(workshop.path('models', 'vae'), join(output, 'vae'), { recursive: true })
    const file = join(output, 'vae', 'diffusion_pytorch_model.safetensors')
    const bytes = await readFile(file)
    bytes[bytes.length - 1]! ^= 1
    await writeFile(file, bytes)
    await expect(train('sfv', { output })).rejects.toThrow(/mixed\/vae is another than that of .*models/)
  })
})

describe('before anything is opened', () => {
  it('a run that cannot fit is refused', async () => {
    await expect(train('vae', { batch: 1e9, output: workshop.path('huge') })).rejects.toThrow(
      /^this cannot fit: it needs .* GB at the least and the machine has .* GB/,
    )
    expect(existsSync(workshop.path('huge'))).toBe(false)
  })

  it('an output that is no folder is refused', async () => {
    const output = workshop.path('data', 'index.json', 'model')
    await expect(train('vae', { output })).rejects.toThrow(/cannot write .*: .*index\.json is not a folder/)
  })

  it('there must be a run to resume', async () => {
    await expect(train('vae', {}, { resume: true })).rejects.toThrow(/holds no run to go on with; leave out --resume/)
    expect(existsSync(workshop.path(`run-${runs}`))).toBe(false)
  })

  it('a run that is stopped while it opens takes no step', async () => {
    const output = workshop.path('stopped-early')
    const { step } = await train('image-encoder', { batch: 4, output }, { signal: AbortSignal.abort() })
    expect(step).toBe(0)
    expect(existsSync(output)).toBe(false)
  })
})

describe('a distillation that starts from the student', () => {
  const values = async (folder: string, component: string) =>
    (await Checkpoint.open(workshop.path(folder, component))).read('conv_in.weight')

  it(
    'begins with its weights, not with those of the teacher',
    async () => {
      const optimizer = { name: 'adamw', learningRate: 1e-30 }
      await train('sfv', { start: 'student', output: workshop.path('again'), optimizer })
      expect(await values('again', 'student')).toEqual(await values('models', 'student'))
      expect(await values('again', 'student')).not.toEqual(await values('models', 'unet'))
    },
    MINUTES,
  )

  it('is refused for a LoRA, and where there is no student', async () => {
    const lora = { start: 'student', lora: {}, output: workshop.path('lora-on-student') }
    await expect(train('sfv', lora)).rejects.toThrow(/recipe field start: a LoRA is trained on the teacher/)
    const none = { start: 'student', model: workshop.path('other-teacher'), output: workshop.path('none') }
    await expect(train('sfv', none)).rejects.toThrow(/cannot read .*other-teacher\/student/)
  })
})
