/** What is open until it is closed. */
type Closable = { dispose(): Promise<unknown> } | { close(): Promise<unknown> }

/** Owns what is opened one after another, and closes all of it together. */
export class Scope {
  readonly #owned: Closable[] = []

  /**
   * Opens several things. Where that fails midway, those that are open already are closed before the error goes on.
   *
   * @param open opens them, each under `own` of the scope that it is called with
   */
  static async open<T>(open: (scope: Scope) => Promise<T>): Promise<T> {
    const scope = new Scope()
    try {
      return await open(scope)
    } catch (error) {
      await scope.close()
      throw error
    }
  }

  /** Takes charge of what was opened, and returns it. */
  own<T extends Closable>(opened: T): T {
    this.#owned.push(opened)
    return opened
  }

  /** Closes all that it owns, the last first. A second call does nothing. */
  async close(): Promise<void> {
    const owned = this.#owned.splice(0).reverse()
    await Promise.all(owned.map((each) => ('dispose' in each ? each.dispose() : each.close())))
  }
}
