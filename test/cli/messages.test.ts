import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { messageOf } from '../../src/cli/messages.js'
import { UserError } from '../../src/errors.js'
import { inProcess } from './sfv.js'

const MISTAKE = /this is a mistake in sfv/

/** The error that work throws. */
function thrownBy(work: () => unknown): unknown {
  try {
    work()
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}

describe('what is printed of an error', () => {
  it('is the message of a user error, as it is', () => {
    expect(messageOf(new UserError('give a file'))).toBe('give a file')
  })

  it('is, of what the system refuses, that and what can be done', () => {
    const folder = mkdtempSync(join(tmpdir(), 'sfv-messages-'))
    const file = join(folder, 'file')
    writeFileSync(file, '')
    const refused: readonly [() => unknown, RegExp][] = [
      [() => readFileSync(join(folder, 'none')), /^ENOENT.*; check that it is still there$/],
      [() => readFileSync(folder), /^EISDIR.*; give a file, not a folder$/],
      [() => readFileSync(join(file, 'x')), /^ENOTDIR.*; check the path: a part of it is a file$/],
      [() => writeFileSync(join(folder, 'x'.repeat(300)), ''), /^ENAMETOOLONG.*; choose a shorter name$/],
      [() => readFileSync('a\0b'), /; give a path that the system knows$/],
    ]
    for (const [work, expected] of refused) expect(messageOf(thrownBy(work))).toMatch(expected)
    rmSync(folder, { recursive: true })
  })

  it('says that the memory does not suffice, however that is put', () => {
    const errors = [
      thrownBy(() => new Float32Array(2 ** 50)),
      new Error('std::bad_alloc'),
      new Error('Failed to allocate memory for requested buffer of size 9663676416'),
      new RangeError('Array buffer allocation failed'),
    ]
    for (const error of errors)
      expect(messageOf(error)).toMatch(/^the memory does not suffice \(.*\); take a smaller batch, fewer frames or/)
  })

  it('owns up to what nothing explains', () => {
    expect(messageOf(new TypeError('x is undefined'))).toMatch(MISTAKE)
    expect(messageOf('thrown text')).toMatch(MISTAKE)
  })
})

describe('a mistake in the command itself', () => {
  it.each([
    [['animate', '-o', 'a.gif'], "missing required argument 'images'"],
    [['animate', 'a.png'], "required option '-o, --out <file>' not specified"],
    [['animate', 'a.png', '-o', 'a.gif', '--sed', '1'], "unknown option '--sed' (Did you mean --seed?)"],
    [['anmate'], "unknown command 'anmate' (Did you mean animate?)"],
    [['data', 'x', '-o'], "option '-o, --out <dir>' argument missing"],
    [['animate', 'a.png', '-o', 'a.gif', '--device', 'x'], "option '--device <name>' argument 'x' is invalid."],
    [['info', 'a', 'b'], "too many arguments for 'info'."],
  ])('is told in one sentence, as all others are: %j', async (args, sentence) => {
    const { code, stderr } = await inProcess(args)
    expect([code, stderr.startsWith(`sfv: ${sentence}`), stderr.trim().split('\n')]).toEqual([2, true, [stderr.trim()]])
  })
})
