import { nodeEngine } from '../../../src/runtime/engine.node.js'
import type { Engine, Program } from '../../../src/runtime/program.js'

/** What went into a run of a network, and what came out of it. */
export type Seen = (feeds: Parameters<Program['run']>[0], made: Readonly<Record<string, Float32Array>>) => void

/** The CPU on one thread; `seen` is called after each run of any network. */
export function spyingEngine(seen: Seen): Engine {
  const engine = nodeEngine({ threads: 1 })
  return {
    device: engine.device,
    async load(graph) {
      const program = await engine.load(graph)
      const { inputs, outputs } = program
      const run: Program['run'] = async (feeds, into) => {
        const made = await program.run(feeds, into)
        seen(feeds, made)
        return made
      }
      return { inputs, outputs, run, dispose: () => program.dispose() }
    },
  }
}
