import { parseArgs } from 'node:util'
import { UserError } from '../src/errors.js'
import { ImageToVideo } from '../src/pipeline/pretrained.node.js'
import { realClips } from './control-clips.js'
import { chains } from './control-chain.js'
import type { BenchResult, Row } from './measure.js'
import { candidates, drags, ends, loops, stands } from './control-steer.js'

const DATA = 'data/fluent-128-24'

const PARTS = { end: ends, loop: loops, drag: drags, still: stands, candidates, chain: chains }

/**
 * How well clips do what they are told: `npm run bench -- control --model=models/fluent --steps=1 --clips=20`; `--only=end,drag` for
 * some of it, `--sheet=FILE` for a picture of the chains.
 */
export async function control(): Promise<BenchResult> {
  const { values } = parseArgs({
    strict: false,
    options: Object.fromEntries(
      ['model', 'steps', 'clips', 'data', 'only', 'sheet'].map((name) => [name, { type: 'string' }]),
    ),
  }) as { values: Partial<Record<string, string>> }
  const { model = 'models/fluent', steps = '1', clips = '20', data = DATA, only, sheet } = values
  const title = `Control: ${model}, ${steps} ${steps === '1' ? 'step' : 'steps'}, ${clips} test clips`
  const sfv = await ImageToVideo.fromPretrained(model, { worker: false })
  const real = await realClips(data, Number(clips), sfv.native.frames).catch((error: unknown) => {
    if (error instanceof UserError)
      return `Skipped: ${error.message}. \`npx sfv data fluent-emoji -o ${DATA}\` makes one; give another with --data=DIR.`
    throw error
  })
  if (typeof real === 'string') return { title, rows: [], notes: [real] }
  const rows: Row[] = []
  for (const [name, measure] of Object.entries(PARTS)) {
    if (only !== undefined && !only.split(',').includes(name)) continue
    rows.push(...(await measure(sfv, real, { steps: Number(steps) }, sheet)))
  }
  await sfv.dispose()
  return { title, rows }
}
