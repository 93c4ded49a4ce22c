import { type ChildProcess, spawn } from 'node:child_process'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { ClipStoreWriter } from '../../../src/data/store-writer.node.js'
import { decodeClip } from '../../../src/media/decode.node.js'
import { type Recipe } from '../../../src/training/recipe/index.js'
import { type TrainEvent } from '../../../src/training/run/events.js'
import { train, type TrainOptions } from '../../../src/training/run/train.node.js'
import { fixturePath } from '../../support/fixture.js'
import { smokeRecipe } from './smoke.js'

/** One line of a run's log. */
export type LogLine = Readonly<Record<string, number>>

/** Pictures of the clip store: 16x16 pixels, 7 a second. */
const SAMPLING = { size: 16, fps: 7, minFrames: 14 }

/** A temporary folder with a clip store of real clips, in which the smoke recipes run. */
export class Workshop {
  private constructor(readonly root: string) {}

  /** Builds the clip store of four figures: the two clips as they are, and with their colours exchanged. */
  static async open(): Promise<Workshop> {
    const workshop = new Workshop(await mkdtemp(join(tmpdir(), 'sfv-training-')))
    const writer = await ClipStoreWriter.create(workshop.path('data'), SAMPLING.size, SAMPLING.fps)
    for (const name of ['fire', 'fox']) {
      const clip = await decodeClip(fixturePath(`clips/${name}.webp`), { sampling: SAMPLING })
      const data = clip.frames.data.map((_, i, rgb) => rgb[i - (i % 3) + (((i % 3) + 1) % 3)]!)
      const other = `${name} in other colours`
      await writer.add({ ...clip, name, figure: name, split: 'train' })
      await writer.add({ ...clip, frames: { ...clip.frames, data }, name: other, figure: other, split: 'train' })
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
    const model = objective === 'teacher' || objective === 'sfv' ? { model: this.path('models') } : {}
    return smokeRecipe(objective, { data, output, ...model, ...rest })
  }

  /** A copy of the clip store without what runs have cached beside it. */
  async copyOfData(name: string): Promise<string> {
    const copy = this.path(name)
    await cp(this.path('data'), copy, { recursive: true, filter: (path) => !path.includes('latents-') })
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
   * Trains in a process of its own, goes on where the folder has a run, and kills it in the middle: `delay` milliseconds
   * after its step number `steps`, counted from its start. Returns the signal that ended it.
   */
  async trainAndKill(recipe: Recipe, folder: string, steps: number, delay: number): Promise<NodeJS.Signals | null> {
    const file = this.path(`${folder}.json`)
    await writeFile(file, JSON.stringify(recipe))
    const script = fileURLToPath(new URL('train-child.ts', import.meta.url))
    const child = spawn(process.execPath, ['--import', 'tsx', script, file, this.path(folder)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const ended = new Promise<NodeJS.Signals | null>((resolve) => child.once('exit', (_, signal) => resolve(signal)))
    await killAfter(child, steps, delay)
    return ended
  }
}

async function killAfter(child: ChildProcess, steps: number, delay: number): Promise<void> {
  let taken = 0
  for await (const line of createInterface({ input: child.stdout! })) {
    if ((JSON.parse(line) as TrainEvent).type === 'step') taken += 1
    if (taken === steps) setTimeout(() => child.kill('SIGKILL'), delay)
  }
}
