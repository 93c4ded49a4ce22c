import { frameAt, type Picture } from '../media/frames.js'
import { concatenated } from '../runtime/concatenated.js'
import type { Job } from './job.js'
import { statisticsOf, withStatistics, type LatentStatistics } from './latent-statistics.js'
import { decodedClip, type Denoised } from './make-clip.js'
import type { Model } from '../svd/model.js'

/**
 * Holds the latents of a chain's links to its first picture.
 *
 * Where latents are relative to a picture, a link's are taken over to the first one, so that its decoder copies from there. All
 * others get the statistics of the first picture's latents. Then the distance from the first picture's latents is kept: what goes
 * further than the first link did in the mean is drawn back, so that errors do not add up from link to link.
 */
export class Hold {
  /** Of each frame of the chain that is needed again, scaled. */
  readonly #latents = new Map<number, Float32Array>()
  #first: { readonly latents: Float32Array; readonly statistics: LatentStatistics } | undefined
  /** How far the first link went from the first picture in the mean. */
  #usual: number | undefined

  constructor(
    private readonly model: Model,
    private readonly anchor: Picture,
    private readonly overlap: number,
  ) {}

  /** Latents of the frames that a link begins with, where they are known and not relative to them. */
  known(start: number): Float32Array[] | undefined {
    if (this.model.autoencoder.relative) return undefined
    const found = Array.from({ length: this.overlap }, (_, i) => this.#latents.get(start + i))
    return found.includes(undefined) ? undefined : (found as Float32Array[])
  }

  /**
   * Latents of a link as they are to be decoded with the first picture, (f, c, h, w), scaled.
   *
   * @param start the link's first frame in the chain
   * @param chain the frames so far
   * @param last what the link ends with, where that is known
   */
  async hold(
    { latents, first, job, plan }: Denoised,
    start: number,
    chain: readonly Picture[],
    last: Picture | undefined,
  ): Promise<Float32Array> {
    const { frames: per, latentHeight, latentWidth } = plan.geometry
    const known = (this.#first ??= await this.#look(job, latentHeight, latentWidth))
    await this.#lookBack(job, chain, per)
    const made = await this.#taken(latents, first, job, plan, start)
    const matched = this.model.autoencoder.relative
      ? made
      : made.map((each) => withStatistics(each, known.statistics, latentHeight, latentWidth))
    const from = this.#latents.get(start)
    const drawn = this.#drawn(matched, from)
    if (last) drawn.splice(per - 1, 1, ...(await this.#encoded(job, [last])))
    const blended = drawn.map((each, i) => {
      const before = i < this.overlap ? this.#latents.get(start + i) : undefined
      return before ? each.map((value, k) => before[k]! + (i / this.overlap) * (value - before[k]!)) : each
    })
    this.#latents.clear()
    blended.forEach((each, i) => this.#latents.set(start + i, each))
    return concatenated(blended)
  }

  async #look(job: Job, height: number, width: number) {
    const [latents] = await this.#encoded(job, [this.anchor])
    return { latents: latents!, statistics: statisticsOf(latents!, height, width) }
  }

  /** Latents of a clip that was given, which the first link goes on from. */
  async #lookBack(job: Job, chain: readonly Picture[], per: number): Promise<void> {
    if (this.#latents.size > 0 || chain.length === 0) return
    const from = Math.max(0, chain.length - per)
    const earlier = await this.#encoded(job, chain.slice(from))
    earlier.forEach((each, i) => this.#latents.set(from + i, each))
    // Of a clip as long as a link it is known how far it goes.
    if (earlier.length === per) this.#usual = this.#mean(earlier)
  }

  /** Latents of a link, frame by frame; relative ones in terms of the first picture. */
  async #taken(
    latents: Float32Array,
    first: Picture,
    job: Job,
    plan: Denoised['plan'],
    start: number,
  ): Promise<Float32Array[]> {
    const per = plan.geometry.frames
    const size = latents.length / per
    if (!this.model.autoencoder.relative || start === 0)
      return Array.from({ length: per }, (_, i) => latents.slice(i * size, (i + 1) * size))
    const { frames, alpha } = await decodedClip(job, plan, this.model, latents, first, !this.anchor.alpha)
    return this.#encoded(
      job,
      Array.from({ length: per }, (_, i) => frameAt(frames, i, alpha)),
    )
  }

  async #encoded(job: Job, pictures: readonly Picture[]): Promise<Float32Array[]> {
    const { scalingFactor } = this.model.vaeConfig
    const encoded = await job.latentsOf(pictures, this.anchor, this.model)
    return encoded.map((latents) => latents.map((value) => value * scalingFactor))
  }

  /** Frames that go too far are drawn back, along the first of them little by little. */
  #drawn(frames: readonly Float32Array[], from: Float32Array | undefined): Float32Array[] {
    const usual = (this.#usual ??= this.#mean(frames))
    const over = Math.max(0, (from ? this.#distance(from) : 0) - usual)
    if (!from) return [...frames]
    return frames.map((each, i) => {
      const most = usual + over * (1 - i / (frames.length - 1))
      const share = Math.min(1, most / this.#distance(each))
      const home = this.#first!.latents
      return share === 1 ? each : each.map((value, k) => home[k]! + share * (value - home[k]!))
    })
  }

  #mean(frames: readonly Float32Array[]): number {
    return frames.reduce((sum, each) => sum + this.#distance(each), 0) / frames.length
  }

  /** Root of the mean square difference from the first picture's latents. */
  #distance(latents: Float32Array): number {
    const home = this.#first!.latents
    return Math.sqrt(latents.reduce((sum, value, i) => sum + (value - home[i]!) ** 2, 0) / latents.length)
  }
}
