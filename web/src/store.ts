import type { Clip, ModelFacts } from '../../src/web/index.js'
import { CENTRED, type Crop } from './picture.js'
import type { Pin, Stroke } from './steering.js'

/** The studio's views. */
export const TABS = ['make', 'draw', 'compare'] as const

/** One of them. */
export type Tab = (typeof TABS)[number]

/** A picture that was opened. */
export interface Source {
  readonly bitmap: ImageBitmap
  /** For the names of files: `balloon`. */
  readonly name: string
  /** Whether it is one of the examples, which an address can name. */
  readonly isExample: boolean
}

/** What a clip is made with; what is left out is as the model says. */
export interface Settings {
  /** Of the first of the four tries. */
  readonly seed: number
  readonly motion?: number | undefined
  readonly noiseAug?: number | undefined
  readonly loop: boolean
}

/** How clips are shown and saved; it costs no new clip. */
export interface Look {
  /** What lies behind the figure: nothing, or a colour. */
  readonly ground: 'clear' | `#${string}`
  /** How many times as fast as the model makes it. */
  readonly speed: number
  /** There and back, instead of from the beginning again. */
  readonly back: boolean
  /** How often a file plays it, where there is room. */
  readonly rounds: number
}

/** A clip that was made, with what the strip of kept ones must know. */
export interface Made {
  readonly id: string
  readonly clip: Clip
  readonly name: string
  readonly seed: number
  readonly starred: boolean
  readonly when: number
}

/** What runs. */
export interface Work {
  readonly text: string
  /** How much of it is done, 0 to 1, where that is known. */
  readonly share?: number | undefined
  readonly cancel: () => void
}

/** All that the views share. */
export interface State {
  readonly tab: Tab
  readonly facts: ModelFacts | undefined
  /** What the model is called, and its address where it has one. */
  readonly model: { readonly name: string; readonly address: string | undefined } | undefined
  readonly source: Source | undefined
  readonly crop: Crop
  /** What clips shall end with, for models that take it. */
  readonly end: Source | undefined
  readonly settings: Settings
  /** What is pulled. */
  readonly pins: readonly Pin[]
  /** What the brush says stays or moves. */
  readonly strokes: readonly Stroke[]
  readonly look: Look
  /** The four tries; those to come are left out. */
  readonly tries: readonly (Made | undefined)[]
  /** What the tries were made of. */
  readonly asked: Asked | undefined
  /** What is shown until the tries are there: the rough clip that pins and the brush ask for. */
  readonly rough: Clip | undefined
  /** The tries were made of what has changed since. */
  readonly areOld: boolean
  /** The clip that is looked at: what is saved, and drawn on. */
  readonly shown: Made | undefined
  readonly kept: readonly Made[]
  readonly work: Work | undefined
}

/** What tries are made of. */
export const ASKED = ['source', 'crop', 'end', 'settings', 'pins', 'strokes'] as const

/** The part of the state that tries are made of. */
export type Asked = Pick<State, (typeof ASKED)[number]>

/** Whether the tries, as many as there are yet, are of what is asked for. */
export function isSettled(state: State): boolean {
  const { asked } = state
  return asked !== undefined && ASKED.every((part) => state[part] === asked[part])
}

/** How many clips are made at a time. */
export const TRIES = 4

type Listener = (state: State, changed: ReadonlySet<keyof State>, before: State) => void

/** The one state of all views, and who is told of its changes. */
export class Store {
  #state: State = {
    tab: 'make',
    facts: undefined,
    model: undefined,
    source: undefined,
    crop: CENTRED,
    end: undefined,
    settings: { seed: 1, loop: false },
    pins: [],
    strokes: [],
    look: { ground: 'clear', speed: 1, back: false, rounds: 1 },
    tries: [],
    asked: undefined,
    rough: undefined,
    areOld: false,
    shown: undefined,
    kept: [],
    work: undefined,
  }
  readonly #listeners: Listener[] = []

  /** What holds now. */
  get state(): State {
    return this.#state
  }

  /** Changes parts of it, and tells everyone which. */
  set(change: Partial<State>): void {
    const before = this.#state
    const changed = new Set((Object.keys(change) as (keyof State)[]).filter((key) => change[key] !== before[key]))
    if (changed.size === 0) return
    this.#state = { ...before, ...change }
    for (const listener of this.#listeners) listener(this.#state, changed, before)
  }

  /** Tells of every change, and of what held before it. */
  follow(listener: Listener): void {
    this.#listeners.push(listener)
  }

  /** Tells of changes of these parts, and once of how they are. */
  on(keys: readonly (keyof State)[], listener: (state: State) => void): void {
    this.#listeners.push((state, changed) => {
      if (keys.some((key) => changed.has(key))) listener(state)
    })
    listener(this.#state)
  }
}
