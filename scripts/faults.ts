// Kills workers, the server and Redis at random moments while clips are made, and counts what is lost:
// `npm run faults`.
import { mkdtemp, rm } from 'node:fs/promises'
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
  },
})
const { jobs, kills, workers, pause, seed } = Object.fromEntries(
  Object.entries(values).map(([name, text]) => [name, Number(text)]),
) as Record<keyof typeof values, number>
const folder = await mkdtemp(join(tmpdir(), 'sfv-faults-'))
try {
  const fixture = 'test/fixtures/pipeline-tiny'
  const picture = join(fixture, 'image.png')
  const damage = await injectFaults({ folder, model: fixture, picture, jobs, workers, kills, pause, seed })
  console.log(JSON.stringify(damage))
  process.exitCode = damage.lost + damage.changed + damage.halved === 0 ? 0 : 1
} finally {
  await rm(folder, { recursive: true, force: true })
}
