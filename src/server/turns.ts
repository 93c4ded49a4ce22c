/** Lets what is done with one thing happen one after another, whatever becomes of what came before. */
export class Turns {
  /** The last that was begun with each thing. */
  readonly #last = new Map<string, Promise<unknown>>()

  /** Does something with a thing as soon as what was begun with it before is over. */
  async take<T>(name: string, act: () => Promise<T>): Promise<T> {
    const before = this.#last.get(name) ?? Promise.resolve()
    const after = before.catch(() => undefined).then(act)
    this.#last.set(name, after)
    try {
      return await after
    } finally {
      if (this.#last.get(name) === after) this.#last.delete(name)
    }
  }

  /** Waits for all that has been begun. */
  async over(): Promise<void> {
    await Promise.allSettled([...this.#last.values()])
  }
}
