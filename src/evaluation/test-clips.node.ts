import { ClipStore, type ClipRecord } from '../data/store.node.js'
import type { Split } from '../data/splits.js'
import { UserError } from '../errors.js'
import type { Frames } from '../media/frames.js'
import { Random } from '../runtime/random.js'

/** The real clips that generated ones are held against: the first frames of clips of one split. */
export class TestClips {
  private constructor(
    private readonly store: ClipStore,
    private readonly chosen: readonly number[],
    /** Frames that are compared. */
    readonly frames: number,
    /** Clips of the split that are long enough. */
    readonly available: number,
  ) {}

  /**
   * Opens `count` clips of a split, drawn at random but always the same, those of a smaller number among them.
   *
   * @throws UserError when the split is `reserved`, or the store has no clip of so many frames in it.
   */
  static async open(folder: string, split: Split, count: number, frames: number): Promise<TestClips> {
    if (split === 'reserved')
      throw new UserError('the split reserved is kept for a last look and is not evaluated on; choose test or train')
    const store = await ClipStore.open(folder, [split], frames)
    const random = new Random(0, 'clips to evaluate on')
    const order = store.clips.map((_, i) => ({ i, place: random.uniform() })).sort((a, b) => a.place - b.place)
    return new TestClips(
      store,
      order.slice(0, count).map(({ i }) => i),
      frames,
      store.clips.length,
    )
  }

  /** How many there are. */
  get count(): number {
    return this.chosen.length
  }

  /** Sides of the pictures in pixels, and frames per second. */
  get format(): { readonly width: number; readonly height: number; readonly fps: number } {
    return this.store
  }

  /** What the store says of a clip. */
  record(index: number): ClipRecord {
    return this.store.clips[this.chosen[index]!]!
  }

  /** The frames of a clip that are compared. */
  clip(index: number): Promise<Frames> {
    return this.store.clip(this.chosen[index]!, 0, this.frames)
  }

  /** All frames of a clip. */
  whole(index: number): Promise<Frames> {
    const clip = this.chosen[index]!
    return this.store.clip(clip, 0, this.store.length(clip))
  }

  /** Closes the store. */
  close(): Promise<void> {
    return this.store.close()
  }
}
