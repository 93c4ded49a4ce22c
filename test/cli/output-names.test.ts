import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { outputPlaces, type OutputRequest } from '../../src/cli/output-names.js'

describe('names of clips', () => {
  const outs = (request: Partial<OutputRequest>) =>
    outputPlaces({ out: 'o/', pictures: ['a/cat.png'], seeds: [7], ...request }).clips.map(({ out }) => out)

  it.each<[string, Partial<OutputRequest>, string[]]>([
    ['one clip keeps its name', { out: 'x.webp' }, ['x.webp']],
    ['one clip fills a folder with frames', {}, ['o/']],
    ['a format makes it a file in the folder', { format: 'mp4' }, ['o/cat.mp4']],
    ['several pictures', { pictures: ['a/cat.png', 'dog.jpg'] }, ['o/cat.webp', 'o/dog.webp']],
    ['several pictures of one name', { pictures: ['a/cat.png', 'b/cat.jpg'] }, ['o/cat.webp', 'o/cat-2.webp']],
    ['frames of several pictures', { pictures: ['cat.png', 'dog.png'], format: 'png' }, ['o/cat/', 'o/dog/']],
    ['candidates', { out: 'x.gif', seeds: [7, 8] }, ['x-7.gif', 'x-8.gif']],
    ['candidates in a folder', { seeds: [7, 8], format: 'gif' }, ['o/cat-7.gif', 'o/cat-8.gif']],
    ['a pattern', { out: '{seed}/{name}.mp4', seeds: [7, 8] }, ['7/cat.mp4', '8/cat.mp4']],
    ['a pattern of folders', { out: '{name}/', pictures: ['cat.png', 'dog.png'] }, ['cat/', 'dog/']],
    ['signs that mean something to replace()', { out: '{name}.gif', pictures: ["$&$'.png"] }, ["$&$'.gif"]],
    ['the best of some', { out: 'x.gif', seeds: [7, 8], best: true }, ['x.gif']],
    ['the best of some in a folder', { seeds: [7, 8], best: true, format: 'gif' }, ['o/cat.gif']],
    ['standard input and output', { out: '-', pictures: ['-'], format: 'gif' }, ['-']],
    ['standard input has a name', { pictures: ['-', 'dog.png'] }, ['o/stdin.webp', 'o/dog.webp']],
  ])('%s', (_, request, expected) => expect(outs(request)).toEqual(expected))

  it.each<[RegExp, Partial<OutputRequest>]>([
    [/for 2 clips; give a folder\/, or a name with \{name\}/, { out: 'x.gif', pictures: ['a.png', 'b.png'] }],
    [/standard output takes one/, { out: '-', pictures: ['a.png', 'b.png'], format: 'gif' }],
    [/say with --format/, { out: '-' }],
    [/frames are several files/, { out: '-', format: 'png' }],
    [/--best keeps one seed; leave \{seed\} out/, { out: '{seed}.gif', seeds: [7, 8], best: true }],
    [/but --format is mp4; end the name in \.mp4/, { out: 'x.gif', format: 'mp4' }],
  ])('refuses: %s', (message, request) => expect(() => outs(request)).toThrow(message))

  it('are as many as clips, each its own', () => {
    const path = fc.constantFrom('a.png', 'b/a.jpg', 'c.webp', 'a-2.png', '-')
    fc.assert(
      fc.property(fc.array(path, { minLength: 1, maxLength: 6 }), fc.integer({ min: 1, max: 4 }), (pictures, batch) => {
        const made = outs({ pictures, seeds: Array.from({ length: batch }, (_, i) => i), format: 'gif' })
        expect(new Set(made).size).toBe(pictures.length * batch)
      }),
    )
  })
})
