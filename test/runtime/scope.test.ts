import { describe, expect, it } from 'vitest'
import { Scope } from '../../src/runtime/scope.js'

/** Something to own that notes its name when it is closed. */
const noting = (name: string, closed: string[]) => ({
  close: () => {
    closed.push(name)
    return Promise.resolve()
  },
})

describe('a scope', () => {
  it('closes what it owns once, the last first, whether it is closed or disposed of', async () => {
    const closed: string[] = []
    const { close } = noting('second', closed)
    const scope = await Scope.open((scope) => {
      scope.own(noting('first', closed))
      scope.own({ dispose: close })
      return Promise.resolve(scope)
    })
    expect(closed).toEqual([])
    await scope.close()
    await scope.close()
    expect(closed).toEqual(['second', 'first'])
  })

  it('closes what is open when opening fails midway, and passes the error on', async () => {
    const closed: string[] = []
    const opening = Scope.open((scope) => {
      scope.own(noting('first', closed))
      return Promise.reject(new Error('the second does not open'))
    })
    await expect(opening).rejects.toThrow('the second does not open')
    expect(closed).toEqual(['first'])
  })
})
