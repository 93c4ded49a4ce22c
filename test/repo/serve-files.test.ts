import { spawnSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { validate } from 'dockerfile-utils'
import { expect, it } from 'vitest'
import { parse } from 'yaml'
import { serveCommand } from '../../src/cli/serve.js'
import { workerCommand } from '../../src/cli/worker.js'

const read = (name: string) => readFile(`examples/serve/${name}`, 'utf8')

/** The options of a command line that the command does not have. */
const unknownOptions = (line: string) => {
  const known = (/\bsfv worker\b/.test(line) ? workerCommand() : serveCommand()).options.map(({ long }) => long)
  return [...line.matchAll(/--[a-z-]+/g)].map(([name]) => name).filter((name) => !known.includes(name))
}

it('the Dockerfile is free of mistakes, and starts sfv as it is today, without rights', async () => {
  const text = await read('Dockerfile')
  expect(validate(text)).toEqual([])
  expect(/^USER (\S+)$/m.exec(text)?.[1]).toBe('node')
  const command = JSON.parse(/^CMD (\[.*\])$/m.exec(text)![1]!) as string[]
  expect(command.slice(0, 2)).toEqual(['node_modules/.bin/sfv', 'serve'])
  expect(unknownOptions(command.join(' '))).toEqual([])
})

it('the compose file has Redis that forgets nothing, a server, and two workers', async () => {
  interface Part {
    readonly image?: string
    readonly command: string
    readonly depends_on?: readonly string[]
    readonly volumes: readonly string[]
    readonly secrets?: readonly string[]
    readonly deploy?: { readonly replicas: number }
  }
  const { services, volumes, secrets } = parse(await read('compose.yaml')) as {
    services: Record<'redis' | 'serve' | 'worker', Part>
    volumes: object
    secrets: object
  }
  expect(services.redis.command).toMatch(/^redis-server .*--appendonly yes .*--maxmemory-policy noeviction/)
  expect(services.worker.deploy?.replicas).toBe(2)
  for (const { command } of [services.serve, services.worker]) {
    expect(unknownOptions(command)).toEqual([])
    expect(command).toContain('--queue redis://redis:6379')
  }
  // Whatever a part names is there.
  for (const part of Object.values(services)) {
    for (const volume of part.volumes) expect(Object.keys(volumes)).toContain(volume.split(':')[0])
    for (const secret of part.secrets ?? []) expect(Object.keys(secrets)).toContain(secret)
    for (const other of part.depends_on ?? []) expect(Object.keys(services)).toContain(other)
  }
})

const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0

it('the systemd unit starts sfv as it is today', async () => {
  const line = /^ExecStart=(.*)$/m.exec(await read('sfv.service'))![1]!
  expect(unknownOptions(line)).toEqual([])
})

it.skipIf(!hasSystemd)('systemd finds no mistake in its unit', () => {
  const { stderr } = spawnSync('systemd-analyze', ['verify', 'examples/serve/sfv.service'], { encoding: 'utf8' })
  // The program is not installed here, and other units of the machine are not ours.
  const lines = stderr
    .split('\n')
    .filter((line) => line.includes('sfv.service') && !line.includes('/usr/local/bin/sfv'))
  expect(lines).toEqual([])
})
