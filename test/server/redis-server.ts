import { spawn, spawnSync } from 'node:child_process'
import { createServer, type AddressInfo } from 'node:net'

/** Whether a Redis server is installed; without, the tests of the queue on Redis are skipped. */
export const hasRedis = spawnSync('redis-server', ['--version']).status === 0

/**
 * Starts a Redis that keeps everything in memory, at a free port.
 *
 * @returns `url` has its password
 */
export async function startRedis(): Promise<{ url: string; stop: () => Promise<void> }> {
  const probe = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => probe.once('listening', resolve))
  const { port } = probe.address() as AddressInfo
  await new Promise((resolve) => probe.close(resolve))
  const memory = ['--save', '', '--appendonly', 'no']
  const own = ['--port', `${port}`, '--bind', '127.0.0.1', '--requirepass', 'of-the-tests']
  const child = spawn('redis-server', [...own, ...memory])
  await new Promise<void>((resolve, reject) => {
    child.stdout.on('data', (part: Buffer) => part.toString().includes('Ready to accept') && resolve())
    child.once('exit', (code) => reject(new Error(`redis-server ended with ${code}`)))
  })
  const stop = () =>
    new Promise<void>((resolve) => {
      child.once('exit', () => resolve())
      child.kill('SIGKILL')
    })
  return { url: `redis://:of-the-tests@127.0.0.1:${port}`, stop }
}
