import { availableParallelism } from 'node:os'
import { UserError } from '../../errors.js'
import { resolveDevice } from '../../runtime/devices.node.js'
import { nodeEngine, type NodeEngineOptions } from '../../runtime/engine.node.js'
import { alone, type Group } from '../../runtime/group.js'
import { inTeam } from '../../runtime/team.node.js'
import { type Recipe } from '../objectives/registry.node.js'
import { checkFit, fitOf, tightness } from '../plan/fit.node.js'
import { planRecipe } from '../plan/plan.node.js'
import { located } from '../recipe/read.node.js'
import { type TrainEvent } from './events.js'
import { notFiniteState } from './checkpoints.node.js'
import { RunFolder } from './run-folder.node.js'
import { agree, checkAlike, shareState } from './group.js'
import { checkTakesFiles, ModelOutput } from '../output/model-output.node.js'
import { Monitor } from './monitor.node.js'
import { processesOf, shareOf, type SharedRecipe } from './processes.node.js'
import { writeSamples } from './samples.node.js'
import { Trainer } from './trainer.node.js'

/** How to run a recipe. */
export interface TrainOptions extends Pick<NodeEngineOptions, 'threads' | 'device' | 'deviceId'> {
  /** Folder of the run: recipe.json, log.jsonl, tensorboard/, checkpoints/, samples/. */
  readonly folder: string
  /** Goes on from the newest checkpoint of the folder; without it the folder must not hold a run. */
  readonly resume?: boolean
  /** Replaces what the recipe's output holds of another run. */
  readonly force?: boolean
  /** When aborted, the step at hand is finished and saved. */
  readonly signal?: AbortSignal
  /** Who trains together, each on a part of every batch; the first writes the folder. Default: this process. */
  readonly group?: Group
  /** Only the first process of the group reports. */
  readonly onEvent?: (event: TrainEvent) => void
}

/**
 * Trains by a recipe, from the start or from the newest checkpoint, and writes the finished component to the recipe's
 * output, with all that makes a model of it. Whether it fits the memory and may be written is checked first. What a step
 * does follows from (seed, step) and the saved state alone: a run that was killed and resumed ends with the very weights
 * of one that was not. On the CPU several processes share each batch where the recipe lets them.
 *
 * @throws UserError when the folder holds another run or none to resume, the output a model that is not this run's, the
 *   machine too little memory, or when a number is no longer finite (the last good state is kept, and the batch is
 *   named).
 */
export async function train(given: Recipe, options: TrainOptions): Promise<void> {
  const { threads, device = 'cpu', group = alone } = options
  const onCpu = resolveDevice(device) === 'cpu'
  const processes = processesOf(given, { threads, onCpu, group })
  const recipe = { ...given, processes }
  if (processes === 1) return trainPart(recipe, options)
  const share = Math.max(1, Math.floor((threads ?? availableParallelism()) / processes))
  const { onEvent, signal, ...shared } = { ...options, threads: share }
  await inTeam(processes, {
    first: (group) => trainPart(recipe, { ...shared, onEvent, signal, group }),
    module: 'training/trainer/train-thread.node',
    request: { recipe, options: shared },
  })
}

/** This process's part of a run. The other members of the group have theirs at the same time. */
export async function trainPart(recipe: SharedRecipe, options: TrainOptions): Promise<void> {
  const { resume = false, force = false, group = alone } = options
  const writes = group.rank === 0
  const folder = new RunFolder(options.folder)
  const tell = (event: TrainEvent) => void (writes && options.onEvent?.(event))
  const changes = writes ? await folder.check(recipe, resume) : []
  if (writes) await checkTakesFiles(folder.path)
  const output = writes ? await ModelOutput.open(recipe, folder, force) : undefined
  tell({ type: 'stage', stage: 'plan' })
  if (writes) {
    const fit = fitOf(await planRecipe(recipe), options.device ?? 'cpu', { processes: recipe.processes })
    checkFit(fit)
    const message = tightness(fit)
    if (message !== undefined) tell({ type: 'warning', message })
  }
  // Nobody opens networks before the first process has found that the run may begin.
  await group.broadcast(new Float32Array(1))
  tell({ type: 'stage', stage: 'open' })
  const trainer = await Trainer.open(located(shareOf(recipe)), nodeEngine(options), group)
  try {
    if (writes) await folder.claim(recipe)
    const restored = resume && writes ? await folder.checkpoints.restore(trainer.learners) : 0
    const step = await shareState(group, restored, trainer.learners)
    const monitor = writes ? await Monitor.open(folder, step) : undefined
    const run = new Run(recipe, trainer, folder, group, options, monitor, output)
    await run.from(step, changes)
    if (writes) await folder.release()
  } finally {
    await trainer.close()
  }
}

/** A run under way. */
class Run {
  constructor(
    private readonly recipe: SharedRecipe,
    private readonly trainer: Trainer,
    private readonly folder: RunFolder,
    private readonly group: Group,
    private readonly options: TrainOptions,
    /** Of the process that writes the folder. */
    private readonly monitor: Monitor | undefined,
    private readonly output: ModelOutput | undefined,
  ) {}

  async from(start: number, changes: readonly string[]): Promise<void> {
    const { recipe, group } = this
    const accumulation = 'accumulation' in recipe ? recipe.accumulation : 1
    const clipsPerStep = (recipe.batch / recipe.processes) * accumulation * group.size
    this.tell({ type: 'started', step: start, steps: recipe.steps, clipsPerStep, processes: group.size, changes })
    // Opening takes long enough for a run to be stopped before its first step.
    let stopped = (await agree(group, {}, this.asked)).stop
    let step = start
    while (step < recipe.steps && !stopped) {
      step += 1
      stopped = await this.step(step)
      const last = step === recipe.steps || stopped
      if (step % recipe.checkpointEvery === 0 || last) await this.save(step)
      if (step % recipe.sampleEvery === 0 || step === recipe.steps) await this.sample(step)
    }
    if (step >= recipe.steps) {
      const missing = await this.output?.write(() => this.trainer.export())
      this.tell({ type: 'finished', step, output: recipe.output, ...(missing && { missing }) })
    } else this.tell({ type: 'finished', step })
  }

  /** Whether this process was asked to stop. */
  private get asked(): boolean {
    return this.options.signal?.aborted === true
  }

  /** Takes a step; returns whether one of the processes was asked to stop. */
  private async step(step: number): Promise<boolean> {
    const before = performance.now()
    this.trainer.drawn.length = 0
    const own = await this.trainer.step(step)
    const { metrics, stop } = await agree(this.group, own, this.asked)
    const seconds = (performance.now() - before) / 1000
    const bad = notFinite(own) ?? notFinite(metrics)
    if (bad) await this.fail(step, bad, notFinite(own) !== undefined)
    await this.monitor?.step(step, seconds, metrics)
    this.tell({ type: 'step', step, seconds, metrics })
    // By itself a process may stop at once; several must have agreed on it.
    return this.group.size === 1 ? this.asked : stop
  }

  private async save(step: number): Promise<void> {
    await checkAlike(this.group, step, this.trainer.learners)
    if (!this.monitor) return
    const bad = notFiniteState(this.trainer.learners)
    if (bad !== undefined) await this.fail(step, bad, true)
    await this.folder.checkpoints.save(step, this.recipe.seed, this.trainer.learners, this.recipe)
    this.tell({ type: 'saved', step })
  }

  private async sample(step: number): Promise<void> {
    if (!this.monitor) return
    const { file, image } = await writeSamples(this.folder.samples, step, await this.trainer.sample(), this.trainer.fps)
    await this.monitor.samples(step, image)
    this.tell({ type: 'sampled', file })
  }

  /** Ends the run after a number that is not finite, `here` or in another process. */
  private async fail(step: number, what: string, here: boolean): Promise<never> {
    if (!this.monitor) throw new UserError(`step ${step}: ${what} ${this.batch(here)}`)
    const good = await this.folder.checkpoints.retreat(step)
    const kept =
      good === undefined
        ? `no state was saved yet; lower optimizer.learningRate and start again`
        : `the last good state, of step ${good}, is in ${this.folder.checkpoints.folder}; lower optimizer.learningRate in the recipe and resume`
    throw new UserError(`step ${step}: ${what} ${this.batch(here)}; ${kept}`)
  }

  private batch(here: boolean): string {
    return here ? `on the batch of ${this.trainer.drawn.join(', ')}` : 'in another process'
  }

  private tell(event: TrainEvent): void {
    if (this.monitor) this.options.onEvent?.(event)
  }
}

function notFinite(metrics: Readonly<Record<string, number>>): string | undefined {
  const bad = Object.entries(metrics).find(([, value]) => !Number.isFinite(value))
  return bad && `${bad[0]} is ${bad[1]}`
}
