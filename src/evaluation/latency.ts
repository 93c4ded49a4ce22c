import type { Schedule } from '../diffusion/index.js'
import { frameAt, type Frames } from '../media/frames.js'
import type { Condition } from '../svd/denoiser.js'
import { planesOf } from '../svd/condition.js'
import { controlsFor } from '../pipeline/ends.js'
import { Job } from '../pipeline/job.js'
import { planMemory } from '../pipeline/memory-plan.js'
import { Model } from '../svd/model.js'
import type { ModelSource } from '../svd/model-source.js'
import { closeAll, networksOf, planGeneration, type Plan, type PlannedNetworks } from '../pipeline/plan.js'
import { parseSettings } from '../pipeline/settings.js'
import type { Engine } from '../runtime/program.js'
import { Random } from '../runtime/random.js'
import { medianOf } from './measure.js'
import { forwardsOf, settingsOf, type Row } from './rows.js'

/** Milliseconds of each stage of a clip. */
export interface StageTimes {
  readonly encode: number
  readonly denoise: number
  readonly decode: number
}

/** Forward passes that are timed together where a row has few: a single one is over too soon to be timed alone. */
const FORWARDS = 10

/** Everything that is timed of a row, opened. */
interface OpenRow {
  readonly job: Job
  readonly plan: Plan
  readonly condition: Condition
  /** What latents are relative to, where they are. */
  readonly first: Float32Array | undefined
}

/**
 * Times the stages of making a clip, each by itself and after a first run of its networks: as they are in a process that makes
 * clip after clip. Rows with the same network share it.
 */
export class StageTimer {
  readonly #model: Model
  readonly #open = new Map<string, PlannedNetworks>()
  readonly #random = new Random(0, 'timing')

  constructor(source: ModelSource, engine: Engine) {
    this.#model = new Model(source, engine)
  }

  /** Times one clip of a row, of the size and length of `clip`; networks that are not open yet are opened first. */
  async time(row: Row, clip: Frames): Promise<StageTimes> {
    const { job, plan, condition, first } = await this.#prepare(row, clip)
    const picture = frameAt(clip, 0)
    const noise = this.#random.normals(this.#model.autoencoder.channels * clip.width * clip.height)
    const encode = await timed(() => job.encode(picture, noise), 3)
    const size = condition.imageLatents.length * clip.count
    const fresh = () => this.#random.normals(size)
    const start = fresh().map((value) => plan.startSigma * value)
    const renoise = row.sampler === 'consistency' ? fresh : undefined
    const denoise = (schedule: Schedule) => job.denoise(condition, start, schedule, { renoise })
    await denoise(shortened(plan.schedule))
    const repeats = Math.max(1, Math.ceil(FORWARDS / forwardsOf(row)))
    const denoising = await timed(() => denoise(plan.schedule), repeats)
    const decode = () => job.decode(start, first)
    await decode()
    return { encode, denoise: denoising, decode: await timed(decode, 1) }
  }

  /** Frees the networks. */
  async dispose(): Promise<void> {
    await Promise.all([...this.#open.values()].map(closeAll))
  }

  async #prepare(row: Row, clip: Frames): Promise<OpenRow> {
    const { width, height, count: frames } = clip
    const settings = parseSettings({ ...settingsOf(row), width, height, frames })
    const plan = planGeneration(settings, this.#model)
    // Everything stays open, whatever memory that takes: what is timed is not the opening.
    const memory = await planMemory(plan, this.#model, { onHost: false })
    const key = `${row.network} ${plan.guidance !== undefined}`
    const networks = this.#open.get(key) ?? networksOf(plan, memory, this.#model)
    this.#open.set(key, networks)
    const job = new Job(this.#model, settings, plan, memory, networks, () => undefined)
    await job.prepare()
    const model = this.#model
    const noise = this.#random.normals(model.autoencoder.channels * width * height)
    const picture = frameAt(clip, 0)
    const { condition } = await job.encode(picture, noise)
    const controls = controlsFor(plan, model, [])
    const told = { ...condition, controls }
    const { autoencoder } = model
    const first = autoencoder.relative ? planesOf(picture, plan.geometry, autoencoder) : undefined
    return { job, plan, condition: told, first }
  }
}

/** The first step of a schedule, then 0. */
function shortened({ sigmas, timesteps, initNoiseSigma }: Schedule): Schedule {
  return { sigmas: Float32Array.of(sigmas[0]!, 0), timesteps: timesteps.subarray(0, 1), initNoiseSigma }
}

/** The median time of some runs, in milliseconds. */
async function timed(run: () => Promise<unknown>, runs: number): Promise<number> {
  const times: number[] = []
  for (let i = 0; i < runs; i++) {
    const started = performance.now()
    await run()
    times.push(performance.now() - started)
  }
  return medianOf(times)
}
