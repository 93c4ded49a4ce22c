// How far flaws of growing strength take real clips in the features of a network: the table of docs/evaluation.md.
// npx tsx scripts/measure-features.ts FEATURES DATA [CLIPS]
import { FLAW_NAMES, flawed } from '../src/data/flaws.js'
import { TestClips } from '../src/evaluation/test-clips.node.js'
import { openFeatureNetwork } from '../src/evaluation/feature-network.node.js'
import { frechetDistance } from '../src/evaluation/frechet.js'
import type { Frames } from '../src/media/frames.js'
import { nodeEngine } from '../src/runtime/engine.node.js'
import { Random } from '../src/runtime/random.js'

const STRENGTHS = [0.1, 0.25, 0.5, 0.75, 1]

/** Prints the table. */
async function main([which = 'fluent', data = 'data/fluent-128', clips = '100']: string[]): Promise<void> {
  const features = await openFeatureNetwork(which, nodeEngine())
  const store = await TestClips.open(data, 'test', Number(clips), 14)
  const sources: Frames[] = []
  for (let i = 0; i < store.count; i++) sources.push(await store.whole(i))
  const measure = async (name: string, strength: number) => {
    const rows: Float32Array[] = []
    for (const [i, source] of sources.entries()) {
      const clip = flawed(source, 0, store.frames, [{ name, strength }], new Random(1, i))
      rows.push(await features.extract(clip))
    }
    return rows
  }
  const real = await measure('noise', 0)
  const half = sources.length >> 1
  console.log(`${features.description}; ${store.count} test clips`)
  console.log(
    `half of the clips against the other: ${frechetDistance(real.slice(0, half), real.slice(half)).toPrecision(2)}\n`,
  )
  console.log(`| flaw | ${STRENGTHS.join(' | ')} |\n| --- | ${STRENGTHS.map(() => '---').join(' | ')} |`)
  for (const name of FLAW_NAMES) {
    const cells: string[] = []
    for (const strength of STRENGTHS) cells.push(frechetDistance(await measure(name, strength), real).toPrecision(2))
    console.log(`| ${name} | ${cells.join(' | ')} |`)
  }
  await Promise.all([features.dispose(), store.close()])
}

await main(process.argv.slice(2))
