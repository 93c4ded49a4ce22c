import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { findUndocumented } from '../../scripts/docstrings.js'
import { readSources } from '../../scripts/sources.js'

const root = fileURLToPath(new URL('../..', import.meta.url))

function undocumented(text: string): string[] {
  return findUndocumented(new Map([['src/a.ts', text]])).map(({ line, message }) => `${line}: ${message}`)
}

describe('docstrings', () => {
  it('stand before every exported symbol of src/', () => {
    expect(findUndocumented(readSources(root))).toEqual([])
  })

  it.each([
    ['function', 'export function f(): void {}', 'f'],
    ['async function', 'export async function f(): Promise<void> {}', 'f'],
    ['class', 'export abstract class C {}', 'C'],
    ['interface', 'export interface I { a: number }', 'I'],
    ['type', 'export type T = number', 'T'],
    ['constant', 'export const c = 1', 'c'],
    ['enum', 'export enum E { a }', 'E'],
    ['destructured constant', 'export const { d } = x', 'd'],
    ['listed constant', 'const e = 1\nexport { e as f }', 'e'],
    ['default', 'export default 1', 'default'],
  ])('are asked of an exported %s', (_, text, name) => {
    expect(undocumented(text)).toEqual([`1: ${name} is exported without a docstring`])
    expect(undocumented(text.replace(/^(export default|export|const)/m, '/** What it is. */\n$1'))).toEqual([])
  })

  it('must say something, in a doc comment', () => {
    expect(undocumented('/** */\nexport const a = 1')).toEqual(['2: a is exported without a docstring'])
    expect(undocumented('// A number.\nexport const a = 1')).toEqual(['2: a is exported without a docstring'])
  })

  it('are not asked of private symbols and re-exports', () => {
    expect(undocumented("const a = 1\nfunction f() {}\nexport { b } from './b.js'\nexport * from './c.js'")).toEqual([])
  })

  it('are asked once of overloads', () => {
    const overloads = 'export function f(a: 1): void\nexport function f(a: 2): void\nexport function f(): void {}'
    expect(undocumented(overloads)).toEqual(['1: f is exported without a docstring'])
    expect(undocumented(`/** Does it. */\n${overloads}`)).toEqual([])
  })
})
