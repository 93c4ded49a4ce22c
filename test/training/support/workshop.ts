import { type ChildProcess, spawn } from 'node:child_process'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { ClipStoreWriter } from '../../../src/data/store-writer.node.js'
import type { ClipFrame } from '../../../src/media/clip-frame.js'
import { readFrames } from '../../../src/media/decode.node.js'
import { type Size } from '../../../src/media/resize.js'
import { type Recipe } from '../../../src/training/objectives/registry.node.js'
import { type TrainEvent } from '../../../src/training/trainer/events.js'
import { train, type TrainOptions } from '../../../src/training/trainer/train.node.js'
import { fixturePath } from '../../support/fixture.js'
import { smokeRecipe } from './smoke.js'

/** One line of a run's log. */
export type LogLine = Readonly<Record<string, number>>

/** Pictures of the clip store: 16x16 pixels unless told, 7 a second. */
const SQUARE: Size = { width: 16, height: 16 }
const SAMPLING = { fps: 7, minFrames: 14 }

/** A temporary folder with a clip store of real clips, in which the smoke recipes run. */
export class Workshop {
  private constructor(readonly root: string) {}

  /** Builds the clip store of four figures: the two clips as they are, and with their colours exchanged. */
  static async open(size = SQUARE): Promise<Workshop> {
    const workshop = new Workshop(await mkdtemp(join(tmpdir(), 'sfv-training-')))
    const writer = await ClipStoreWriter.create(workshop.path('data'), size, SAMPLING.fps)
    for (const name of ['fire', 'fox']) {
      const clip = { name, figure: name, split: 'train' as const }
      const pictures: ClipFrame[] = []
      for await (const picture of readFrames(fixturePath(`clips/${name}.webp`), { sampling: { ...SAMPLING, size } }))
        pictures.push(picture)
      const exchanged = pictures.map((picture) => ({
        ...picture,
        data: picture.data.map((_, i, rgb) => rgb[i - (i % 3) + (((i % 3) + 1) % 3)]!),
      }))
      const other = `${name} in other colours`
      await writer.add({ ...clip, pictures })
      await writer.add({ ...clip, pictures: exchanged, name: other, figure: other })
    }
    await writer.finish()
    return workshop
  }

  /** A path in the workshop. */
  path(...parts: string[]): string {
    return join(this.root, ...parts)
  }

  /** The smoke recipe of an objective on this workshop's folders, with some of its fields changed. */
  recipe(objective: Recipe['objective'], changes: Readonly<Record<string, unknown>> = {}): Recipe {
    const { data, output, ...rest } = { data: this.path('data'), output: this.path('models'), ...changes }
    const model = ['vae', 'warp-autoencoder', 'image-encoder', 'video-features'].includes(objective)
      ? {}
      : { model: this.path('models') }
    return smokeRecipe(objective, { data, output, ...model, ...rest })
  }

  /** A copy of the clip store without what runs have cached beside it. */
  async copyOfData(name: string): Promise<string> {
    const copy = this.path(name)
    await cp(this.path('data'), copy, { recursive: true, filter: (path) => !path.includes('videos-') })
    return copy
  }

  /** Trains in this process, on one thread. */
  train(recipe: Recipe, folder: string, options: Partial<TrainOptions> = {}): Promise<void> {
    return train(recipe, { folder: this.path(folder), threads: 1, ...options })
  }

  /** The log of a run. */
  async log(folder: string): Promise<LogLine[]> {
    const text = await readFile(this.path(folder, 'log.jsonl'), 'utf8')
    return text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as LogLine)
  }

  /** Removes everything. */
  close(): Promise<void> {
    return rm(this.root, { recursive: true, force: true })
  }

  /**
   * Trains in processes of their own, goes on where the folder has a run, and kills one of them in the middle where
   * `kill` is given.
   */
  async trainApart(recipe: Recipe, folder: string, { ranks = 1, kill }: ApartOptions = {}): Promise<Ending> {
    const file = this.path(`${folder}.json`)
    await writeFile(file, JSON.stringify(recipe))
    const script = fileURLToPath(new URL('train-child.ts', import.meta.url))
    const alone = [process.execPath, '--import', 'tsx', script, file, this.path(folder)]
    const [command, ...args] = ranks === 1 ? alone : [...MPIRUN, '-n', `${ranks}`, ...alone]
    const child = spawn(command!, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let errors = ''
    child.stderr.on('data', (data: Buffer) => (errors += data.toString()))
    const ended = new Promise<Ending>((resolve) =>
      child.once('close', (code, signal) => resolve({ code, signal, errors })),
    )
    await killAfter(child, kill)
    return ended
  }
}

/** Starts Open MPI's processes on any machine: as root, more than there are cores, quietly. */
const MPIRUN = ['mpirun', '--allow-run-as-root', '--oversubscribe', '--bind-to', 'none']

/** How processes that train apart are started, and when one of them is killed. */
export interface ApartOptions {
  readonly ranks?: number
  /** `delay` milliseconds after step number `steps`, counted from the start; `rank` is the victim. */
  readonly kill?: { readonly steps: number; readonly delay: number; readonly rank?: number }
}

/** How processes have ended, and what they said. */
export interface Ending {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly errors: string
}

async function killAfter(child: ChildProcess, kill: ApartOptions['kill']): Promise<void> {
  const processes = new Map<number, number>()
  let taken = 0
  for await (const line of createInterface({ input: child.stdout! })) {
    const event = JSON.parse(line) as TrainEvent | { type: 'process'; rank: number; pid: number }
    if (event.type === 'process') processes.set(event.rank, event.pid)
    if (event.type === 'step') taken += 1
    if (event.type === 'step' && kill && taken === kill.steps)
      setTimeout(() => process.kill(processes.get(kill.rank ?? 0)!, 'SIGKILL'), kill.delay)
  }
}
