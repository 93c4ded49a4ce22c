import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { ClipStore } from '../../../src/data/store.node.js'
import { nodeEngine } from '../../../src/runtime/engine.node.js'
import { alone } from '../../../src/runtime/group.js'
import type { Engine, LoweredGraph, Program } from '../../../src/runtime/program.js'
import { Scope } from '../../../src/runtime/scope.js'
import { VideoPool } from '../../../src/training/batches/video-pool.node.js'
import { objectiveOf, type Recipe } from '../../../src/training/objectives/registry.node.js'
import { planRecipe } from '../../../src/training/plan/plan.node.js'
import { GradientProgram } from '../../../src/training/trainer/gradient-program.js'
import { Trainer } from '../../../src/training/trainer/trainer.node.js'
import { recorder } from '../../devices/support/graphs.js'
import { Workshop } from '../support/workshop.js'

const MINUTES = 600_000

let workshop: Workshop
beforeAll(async () => {
  workshop = await Workshop.open()
  const short = { steps: 1, warmup: 0 }
  for (const objective of ['vae', 'image-encoder', 'teacher'] as const)
    await workshop.train(workshop.recipe(objective, short), objective)
}, MINUTES)
afterAll(() => workshop.close())
afterEach(() => vi.restoreAllMocks())

/** An engine that keeps what it is handed, counts what is open, and fails at one of the graphs. */
class CountingEngine implements Engine {
  readonly device = 'cpu'
  readonly graphs: LoweredGraph[] = []
  open = 0
  private readonly engine = nodeEngine({ threads: 1 })

  constructor(private readonly failsAt = Infinity) {}

  async load(graph: LoweredGraph): Promise<Program> {
    this.graphs.push(graph)
    if (this.graphs.length > this.failsAt) throw new Error('this graph does not open')
    const program = await this.engine.load(graph)
    this.open += 1
    const dispose = () => {
      this.open -= 1
      return program.dispose()
    }
    return { inputs: program.inputs, outputs: program.outputs, run: (...feeds) => program.run(...feeds), dispose }
  }
}

/** Counts the files that are open of a class that opens and closes some. */
function countOpen(kind: { open: unknown; prototype: { close(): Promise<void> } }) {
  const opened = vi.spyOn(kind as { open(...given: never[]): Promise<unknown> }, 'open')
  const closed = vi.spyOn(kind.prototype, 'close')
  return () => opened.mock.calls.length - closed.mock.calls.length
}

const OBJECTIVES: readonly (readonly [Recipe['objective'], Readonly<Record<string, unknown>>])[] = [
  ['vae', {}],
  ['vae', { part: 'decoder' }],
  ['warp-autoencoder', {}],
  ['image-encoder', {}],
  ['video-features', {}],
  ['teacher', {}],
  ['sfv', {}],
  ['sfv', { lora: { rank: 2 } }],
  ['ufogen', {}],
  ['ladd', {}],
  ['consistency', {}],
]

describe('a trainer', () => {
  // What is left out opens as the one before it does.
  it.each(OBJECTIVES.filter(([objective, changes]) => objective !== 'ufogen' && !('lora' in changes)))(
    'of %s %o closes all that it opened, also where opening fails at any of its graphs',
    async (objective, changes) => {
      const size = objective === 'warp-autoencoder' ? await Workshop.open({ width: 32, height: 32 }) : undefined
      const recipe = workshop.recipe(objective, { ...changes, ...(size && { data: size.path('data') }) })
      const open = [countOpen(ClipStore), countOpen(VideoPool)]
      const still = () => open.map((count) => count())

      const engine = new CountingEngine()
      const trainer = await Trainer.open(recipe, engine, alone)
      const graphs = engine.graphs.length
      expect(engine.open).toBe(graphs)
      expect(still()[0]).toBeGreaterThan(0)
      await trainer.close()
      expect([engine.open, ...still()]).toEqual([0, 0, 0])

      for (let failsAt = 0; failsAt < graphs; failsAt++) {
        const failing = new CountingEngine(failsAt)
        await expect(Trainer.open(recipe, failing, alone)).rejects.toThrow('this graph does not open')
        expect([failsAt, failing.open, ...still()]).toEqual([failsAt, 0, 0, 0])
      }
      await size?.close()
    },
    MINUTES,
  )
})

describe('what is planned', () => {
  it.each(OBJECTIVES.filter(([objective]) => objective !== 'warp-autoencoder'))(
    'of %s %o is what is trained: the same graph, and the weights that are held',
    async (objective, changes) => {
      const recipe = workshop.recipe(objective, changes)
      const found = objectiveOf(recipe)
      const planned = found.graph(recipe, await found.surroundings(recipe))
      const [planner, training] = [recorder(), recorder()]
      await GradientProgram.open(planner.engine, ...planned.trained.map(({ loss, set }) => ({ ...loss, trained: set })))
      const trainer = await Trainer.open(recipe, training.engine, alone)
      expect(Buffer.compare(training.graphs.at(-1)!.model, planner.graphs[0]!.model)).toBe(0)
      await trainer.close()

      const scope = new Scope()
      const { graph, frozen = {} } = await found.open(recipe, { engine: recorder().engine, group: alone, scope })
      await scope.close()
      const plan = await planRecipe(recipe)
      const values = Object.values(frozen).reduce((sum, { length }) => sum + length, 0)
      const averages = graph.trained.reduce((sum, { average }) => sum + (average?.count ?? 0), 0)
      expect(plan.frozen).toBe(values + averages)
    },
    MINUTES,
  )
})
