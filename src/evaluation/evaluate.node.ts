import { readFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { join } from 'node:path'
import type { Split } from '../data/splits.js'
import { UserError } from '../errors.js'
import { frameAt, type Frames } from '../media/frames.js'
import { UNET_CLASS } from '../svd/model.js'
import { openModelFolder } from '../svd/model-folder.node.js'
import type { DeviceChoice } from '../runtime/device-names.js'
import { nodeEngine } from '../runtime/engine.node.js'
import { writeFileAtomic } from '../runtime/files.node.js'
import { ClipCache } from './clip-cache.node.js'
import { differenceOf, psnr } from './clip-metrics.js'
import { openFeatureNetwork, type FeatureNetwork } from './feature-network.node.js'
import { Generator } from './generator.node.js'
import { StageTimer, type StageTimes } from './latency.js'
import { compareSets, meanOf, meanTorn, measureClip, medianOf, type MeasuredClip } from './measure.js'
import { motionBuckets, type MotionChoice } from './motion-buckets.js'
import { Meter, type EvaluationProgress } from './progress.js'
import { Reconstructor } from './reconstruction.js'
import { SHOWN_CLIPS, writeReport, type ShownClips } from './report/write.node.js'
import type { EvaluationResults, RowResult } from './results.js'
import { labelOf, parseRows, type Row, type RowOptions } from './rows.js'
import { TestClips } from './test-clips.node.js'

/** What `evaluate` is told. */
export interface EvaluateOptions extends RowOptions {
  /** Model folder in diffusers layout. */
  readonly model: string
  /** Folder of a clip store. */
  readonly data: string
  readonly split: Split
  /** How many clips at most. */
  readonly clips: number
  /** Rows, as `parseRows` reads them. */
  readonly steps: string
  /** As `openFeatureNetwork` takes it. */
  readonly features: string
  readonly seed: number
  /** SVD's motion bucket that clips are told. A clip's own would tell how it goes on. */
  readonly motion: MotionChoice
  readonly noiseAug: number
  /** Clips of one picture that diversity is measured over, for the first few pictures; 1 for not at all. */
  readonly seeds: number
  /** Rounds in which all rows are timed; 0 for none. */
  readonly timings: number
  /** Folder for results.json, report.html and the clips. */
  readonly out: string
  readonly device?: DeviceChoice
  readonly threads?: number
  readonly onProgress?: (progress: EvaluationProgress) => void
  /** Stops between two clips; those that were made are kept for the next time. */
  readonly signal?: AbortSignal
}

/** Pictures that are animated by several seeds. */
const DIVERSITY_CLIPS = 8

/**
 * Measures rows of clips that a model makes of the first frames of real clips against those clips, and writes
 * results.json and report.html into a folder. Clips are kept there; what is there is not made again.
 *
 * @throws UserError when the model, the data, the features or a row is not there, or they do not fit each other.
 */
export async function evaluate(options: EvaluateOptions): Promise<EvaluationResults> {
  const evaluation = await Evaluation.open(options)
  try {
    return await evaluation.run()
  } finally {
    await evaluation.close()
  }
}

class Evaluation {
  readonly #meter: Meter
  readonly #shown: ShownClips = { prompts: [], rows: new Map() }

  private constructor(
    private readonly options: EvaluateOptions,
    private readonly rows: readonly Row[],
    private readonly device: string,
    private readonly features: FeatureNetwork,
    private readonly clips: TestClips,
    private readonly generator: Generator,
    private readonly reconstructor: Reconstructor,
    private readonly timer: StageTimer,
  ) {
    const extra = Math.min(DIVERSITY_CLIPS, clips.count) * (options.seeds - 1)
    this.#meter = new Meter(rows, { ...options, clips: clips.count, extra })
  }

  static async open(options: EvaluateOptions): Promise<Evaluation> {
    const { seed, noiseAug, device = 'cpu', threads } = options
    const source = await openModelFolder(options.model)
    const unets = [...source.components].filter(([, { className }]) => className === UNET_CLASS)
    const rows = parseRows(
      options.steps,
      unets.map(([name]) => name),
      options,
    )
    const engine = nodeEngine({ device, ...(threads === undefined ? {} : { threads }) })
    const reconstructor = new Reconstructor(source, engine)
    const { frames, width, height } = reconstructor.native
    const clips = await TestClips.open(options.data, options.split, options.clips, frames)
    try {
      if (clips.count < 2)
        throw new UserError(`${options.data} has ${clips.count} clip to evaluate on; give at least 2`)
      const { format } = clips
      if (format.width !== width || format.height !== height)
        throw new UserError(
          `${options.data} has clips of ${format.width}x${format.height}, ${options.model} makes ${width}x${height}; ` +
            `make a store with \`sfv data ... --size ${width}\``,
        )
      const features = await openFeatureNetwork(options.features, engine)
      const settings = { seed, noiseAug, fps: format.fps }
      const generator = new Generator(source, engine, settings, join(options.out, 'clips'))
      return new Evaluation(
        options,
        rows,
        engine.device,
        features,
        clips,
        generator,
        reconstructor,
        new StageTimer(source, engine),
      )
    } catch (error) {
      await clips.close()
      throw error
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.features, this.generator, this.reconstructor, this.timer].map((part) => part.dispose()))
    await this.clips.close()
  }

  async run(): Promise<EvaluationResults> {
    const { seed, motion, noiseAug, seeds, out } = this.options
    const { description, checksum, length } = this.features
    const real = await this.#each('real clips', 1, (clip) => Promise.resolve(clip))
    const psnrs: number[] = []
    const kept = await this.#reconstructions()
    const rebuilt = await this.#each('VAE', Meter.CLIP, async (clip, name) => {
      const frames = await kept.getOrMake(name, () => this.reconstructor.reconstruct(clip))
      psnrs.push(psnr(frames.data, clip.data))
      return frames
    })
    const results: RowResult[] = []
    const motions = real.map((clip) => clip.motion)
    const buckets = motionBuckets(motion, motions, seed)
    for (const row of this.rows) results.push(await this.#row(row, real, buckets))
    const timed = await this.#time()
    const found: EvaluationResults = {
      format: 'sfv-evaluation-1',
      version: await packageVersion(),
      model: this.options.model,
      data: this.#describeData(),
      settings: { seed, motion, noiseAug, seeds },
      features: { description, checksum, length },
      machine: { processor: cpus()[0]?.model ?? 'unknown', cores: cpus().length, device: this.device },
      real: {
        motion: meanOf(motions),
        motions,
        flicker: meanOf(real.map((clip) => clip.flicker)),
        tornBlocks: meanTorn(real),
      },
      reconstruction: { ...compareSets(rebuilt, real, seed), psnr: meanOf(psnrs) },
      rows: results.map((result, i) => ({ ...result, ...(timed[i] && { milliseconds: timed[i] }) })),
    }
    await writeFileAtomic(join(out, 'results.json'), `${JSON.stringify(found, null, 2)}\n`)
    await writeReport(join(out, 'report.html'), found, this.#shown)
    return found
  }

  /** Makes a clip of each real one and looks at it; the first few are kept for the report. */
  async #each(label: string, cost: number, make: (clip: Frames, name: string, i: number) => Promise<Frames>) {
    const measured: MeasuredClip[] = []
    const shown: Frames[] = []
    for (let i = 0; i < this.clips.count; i++) {
      this.options.signal?.throwIfAborted()
      const { name } = this.clips.record(i)
      const made = await make(await this.clips.clip(i), name, i)
      measured.push(await measureClip(made, this.features))
      if (i < SHOWN_CLIPS) {
        shown.push(made)
        if (label === 'real clips') this.#shown.prompts.push(name)
      }
      this.options.onProgress?.(this.#meter.add(label, cost))
    }
    this.#shown.rows.set(label, shown)
    return measured
  }

  async #reconstructions(): Promise<ClipCache> {
    const checksum = await this.generator.checksum('vae')
    const { width, height } = this.clips.format
    return new ClipCache(join(this.options.out, 'clips', `vae-${checksum.slice(0, 8)}`), width, height)
  }

  async #row(row: Row, real: readonly MeasuredClip[], buckets: readonly number[]): Promise<RowResult> {
    const label = labelOf(row)
    const firstFrames: number[] = []
    const made = await this.#each(label, Meter.costOf(row), async (clip, name, i) => {
      const frames = await this.generator.clip(row, { name, clip, motion: buckets[i]! })
      firstFrames.push(psnr(frameAt(frames, 0).data, frameAt(clip, 0).data))
      return frames
    })
    const diversity = await this.#diversity(row, buckets)
    return {
      row,
      label,
      checksum: await this.generator.checksum(row.network),
      ...compareSets(made, real, this.options.seed),
      firstFramePsnr: meanOf(firstFrames),
      ...(diversity === undefined ? {} : { diversity }),
    }
  }

  /** Mean difference of the clips of one picture, over pairs of seeds and the first pictures. */
  async #diversity(row: Row, buckets: readonly number[]): Promise<number | undefined> {
    const differences: number[] = []
    for (let i = 0; i < Math.min(DIVERSITY_CLIPS, this.clips.count); i++) {
      const prompt = { name: this.clips.record(i).name, clip: await this.clips.clip(i), motion: buckets[i]! }
      const draws: Frames[] = []
      for (let draw = 0; draw < this.options.seeds; draw++) {
        this.options.signal?.throwIfAborted()
        draws.push(await this.generator.clip(row, prompt, draw))
        if (draw > 0) this.options.onProgress?.(this.#meter.add(`${labelOf(row)}, other seeds`, Meter.costOf(row)))
      }
      draws.forEach((a, j) => draws.slice(j + 1).forEach((b) => differences.push(differenceOf(a, b))))
    }
    return differences.length === 0 ? undefined : meanOf(differences)
  }

  /** Times all rows in turn, round by round, so that what else the machine does slows all of them alike. */
  async #time(): Promise<RowResult['milliseconds'][]> {
    const clip = await this.clips.clip(0)
    const rounds: StageTimes[][] = this.rows.map(() => [])
    for (let round = 0; round < this.options.timings; round++) {
      for (const [i, row] of this.rows.entries()) {
        this.options.signal?.throwIfAborted()
        rounds[i]!.push(await this.timer.time(row, clip))
        this.options.onProgress?.(this.#meter.add(`timing ${labelOf(row)}`, Meter.costOf(row)))
      }
    }
    if (this.options.timings === 0) return []
    return rounds.map((each) => ({
      encode: medianOf(each.map(({ encode }) => encode)),
      denoise: medianOf(each.map(({ denoise }) => denoise)),
      decode: medianOf(each.map(({ decode }) => decode)),
    }))
  }

  #describeData(): EvaluationResults['data'] {
    const { count, available, frames, format } = this.clips
    const figures = new Set(Array.from({ length: count }, (_, i) => this.clips.record(i).figure)).size
    const { width, height, fps } = format
    return {
      folder: this.options.data,
      split: this.options.split,
      clips: count,
      available,
      figures,
      frames,
      width,
      height,
      fps,
    }
  }
}

async function packageVersion(): Promise<string> {
  const file = new URL('../../package.json', import.meta.url)
  return (JSON.parse(await readFile(file, 'utf8')) as { version: string }).version
}
