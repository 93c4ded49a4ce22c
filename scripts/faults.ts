// Kills workers, the server and Redis at random moments while clips are made, and counts what is lost:
// `npm run faults`. With --folder, a run that was ended goes on where it was.
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { injectFaults } from './faults-run.js'

const { values } = parseArgs({
  options: {
    jobs: { type: 'string', default: '1000' },
    kills: { type: 'string', default: '30' },
    workers: { type: 'string', default: '2' },
    pause: { type: 'string', default: '8000' },
    seed: { type: 'string', default: '1' },
    folder: { type: 'string' },
  },
})
const [jobs, kills, workers, pause, seed] = (['jobs', 'kills', 'workers', 'pause', 'seed'] as const).map((name) =>
  Number(values[name]),
) as [number, number, number, number, number]
const folder = values.folder ?? (await mkdtemp(join(tmpdir(), 'sfv-faults-')))
await mkdir(folder, { recursive: true })
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
const log = (line: string) => console.error(line)
try {
  const fixture = 'test/fixtures/pipeline-tiny'
  const picture = join(fixture, 'image.png')
  const damage = await injectFaults({ folder, model: fixture, picture, jobs, workers, kills, pause, seed, log })
  console.log(JSON.stringify(damage))
  process.exitCode = damage.lost + damage.changed + damage.halved === 0 ? 0 : 1
} finally {
  if (values.folder === undefined) await rm(folder, { recursive: true, force: true })
}
