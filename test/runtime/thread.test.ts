import { expect, it } from 'vitest'
import { startThread } from '../../src/runtime/thread.node.js'

it('a call to a thread that failed is rejected, and so is every later one', async () => {
  const thread = startThread('runtime/no-such-module.node')
  await expect(thread.call('open', undefined)).rejects.toThrow(/^a thread of sfv failed: .*no-such-module/)
  expect(thread.ended).toBe(true)
  await expect(thread.call('open', undefined)).rejects.toThrow(/no-such-module/)
})

it('calls of a thread that was ended are rejected with an AbortError', async () => {
  const thread = startThread('media/clip-thread.node')
  const waiting = thread.call('exportClip', {})
  thread.terminate()
  await expect(waiting).rejects.toMatchObject({ name: 'AbortError' })
  await expect(thread.call('exportClip', {})).rejects.toMatchObject({ name: 'AbortError' })
})
