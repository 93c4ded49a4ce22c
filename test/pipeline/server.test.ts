import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ImageToVideo } from '../../src/index.js'
import { TINY, TINY_PICTURE } from './tiny.js'

/** The longest that one turn of the event loop may take, in milliseconds. */
const LONGEST = 50

let sfv: ImageToVideo

beforeAll(async () => {
  sfv = await ImageToVideo.fromPretrained(TINY, { cache: false, threads: 1 })
})

afterAll(() => sfv.dispose())

/**
 * Milliseconds that this thread has worked. Time in which other programs had the processor is none of it, so that a
 * busy machine makes no difference.
 */
function worked(): number {
  try {
    return Number(readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ')[0]) / 1e6
  } catch {
    return performance.now()
  }
}

/** Does something, and gives the most that this thread worked without coming back to its event loop. */
async function longestTurn(work: () => Promise<void>): Promise<number> {
  let longest = 0
  let before = worked()
  const timer = setInterval(() => {
    const now = worked()
    longest = Math.max(longest, now - before)
    before = now
  }, 1)
  try {
    await work()
  } finally {
    clearInterval(timer)
  }
  return longest
}

it('a server answers four requests at once in their order, and its event loop goes on meanwhile', async () => {
  const server = createServer((request, response) => {
    const seed = Number(new URL(request.url!, 'http://x').searchParams.get('seed'))
    const made = sfv.animate(request, { seed, steps: 2, frames: 6, width: 96, height: 96 })
    made
      .then((clip) => clip.toBuffer('gif'))
      .then((bytes) => response.setHeader('content-type', 'image/gif').end(bytes))
      .catch((error: Error) => response.writeHead(500).end(error.message))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const body = readFileSync(TINY_PICTURE)
  const ended: number[] = []
  const ask = async (seed: number) => {
    const response = await fetch(`${address}/?seed=${seed}`, { method: 'POST', body })
    const bytes = new Uint8Array(await response.arrayBuffer())
    ended.push(seed)
    return { status: response.status, start: String.fromCharCode(...bytes.subarray(0, 6)) }
  }
  try {
    await ask(0) // Threads start, and modules load, once.
    const longest = await longestTurn(async () => {
      const answers = await Promise.all([1, 2, 3, 4].map(ask))
      for (const answer of answers) expect(answer).toEqual({ status: 200, start: 'GIF89a' })
    })
    expect(ended).toEqual([0, 1, 2, 3, 4])
    expect(longest).toBeLessThan(LONGEST)
  } finally {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
})

it('a model ends with the block that it was opened in', async () => {
  let kept: ImageToVideo
  {
    await using opened = await ImageToVideo.fromPretrained(TINY, { cache: false, threads: 1 })
    kept = opened
    expect((await opened.animate(TINY_PICTURE, { frames: 2, width: 32, height: 32 })).frames.count).toBe(2)
  }
  await expect(kept.animate(TINY_PICTURE)).rejects.toThrow()
})
