import type { AnimateSettings } from '../../src/web/index.js'
import { h, iconButton, slider, toggle } from './dom.js'

/** Seeds of the slider. */
const SEEDS = 999

/** What the sliders hold. */
export type Chosen = Required<Pick<AnimateSettings, 'seed' | 'noiseAug' | 'loop'>> & { readonly motion: number }

/** The panel of seed, motion, noise and loop. */
export class Controls {
  readonly element: HTMLElement
  #chosen: Chosen = { seed: 7, motion: 75, noiseAug: 0.02, loop: false }
  readonly #seed: ReturnType<typeof slider>

  /** @param onChange is told while a slider is dragged */
  constructor(private readonly onChange: (chosen: Chosen) => void) {
    this.#seed = slider({
      label: 'Seed',
      min: 0,
      max: SEEDS,
      value: this.#chosen.seed,
      hint: 'Another seed, another motion; the same seed, the same clip',
      onInput: (seed) => this.#change({ seed }),
    })
    const motion = slider({
      label: 'Motion',
      min: 0,
      max: 255,
      value: this.#chosen.motion,
      hint: 'How much shall move: 127 as in the median clip of its training, 60 less is half of it and cleaner',
      onInput: (value) => this.#change({ motion: value }),
    })
    // The eye sees noise by its logarithm; the slider's left end is none.
    const noise = slider({
      label: 'Noise',
      min: 0,
      max: 100,
      value: noiseShare(this.#chosen.noiseAug),
      hint: 'Noise on the picture: more frees the motion from it',
      show: (share) => noiseOf(share).toFixed(3),
      onInput: (share) => this.#change({ noiseAug: noiseOf(share) }),
    })
    const dice = iconButton('dice', 'Another seed (r)', () => this.reseed())
    this.element = h(
      'section',
      { class: 'panel controls', 'aria-label': 'Settings' },
      h('div', { class: 'row seed' }, this.#seed.element, dice),
      motion.element,
      noise.element,
      toggle('Seamless loop', 'Made forwards and backwards, so that the last frame leads to the first', (loop) =>
        this.#change({ loop }),
      ),
    )
  }

  /** What is chosen. */
  get chosen(): Chosen {
    return this.#chosen
  }

  /** Takes the next seed of a walk over all of them. */
  reseed(): void {
    // 618 and 1000 have no common divisor: every seed comes once before one comes twice.
    const seed = (this.#chosen.seed + 618 + 1) % (SEEDS + 1)
    this.#seed.set(seed)
    this.#change({ seed })
  }

  #change(change: Partial<Chosen>): void {
    this.#chosen = { ...this.#chosen, ...change }
    this.onChange(this.#chosen)
  }
}

function noiseOf(share: number): number {
  return share === 0 ? 0 : Math.round(1000 * 0.004 * 250 ** (share / 100)) / 1000
}

function noiseShare(noise: number): number {
  return noise === 0 ? 0 : Math.round((100 * Math.log(noise / 0.004)) / Math.log(250))
}
