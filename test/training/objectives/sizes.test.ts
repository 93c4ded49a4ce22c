import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Recipe } from '../../../src/training/objectives/registry.node.js'
import { Workshop } from '../support/workshop.js'

const MINUTES = 600_000

let workshop: Workshop
beforeAll(async () => {
  workshop = await Workshop.open({ width: 24, height: 16 })
}, MINUTES)
afterAll(() => workshop.close())

describe('clips that are wider than high', () => {
  // One after another, as a user runs them: each needs the components that those before it have written.
  it.each([
    ['vae', { crop: 8 }, { frames: 6, rows: 8 }],
    ['image-encoder', {}, undefined],
    ['teacher', {}, { frames: 4, rows: 6 }],
    ['sfv', {}, { frames: 4, rows: 6 }],
  ] as const)(
    'train by %s, to the end',
    async (objective, changes, sheet) => {
      await workshop.train(workshop.recipe(objective, { ...changes, steps: 2, warmup: 0 }), objective)
      expect(await workshop.log(objective)).toHaveLength(2)
      if (!sheet) return
      // Frames in rows of samples and references, two pixels around each.
      const { width, height } = await sharp(workshop.path(objective, 'samples', 'step-0000002.png')).metadata()
      expect([width, height]).toEqual([2 + sheet.frames * (24 + 2), 2 + sheet.rows * (16 + 2)])
    },
    MINUTES,
  )

  it(
    'are refused in sizes that the networks cannot halve, with one that they can',
    async () => {
      const odd = await Workshop.open({ width: 28, height: 18 })
      const attempt = (objective: Recipe['objective'], changes: object) =>
        workshop.train(
          workshop.recipe(objective, { output: workshop.path('other'), ...changes, data: odd.path('data') }),
          `odd-${objective}`,
        )
      const sizes = /multiples of 4, not clips of 28x18 pixels; make the clip store with --size 28x20$/
      await expect(attempt('teacher', {})).rejects.toThrow(sizes)
      await expect(attempt('vae', { crop: 20 })).rejects.toThrow(/crop is 20, but .* has clips of 28x18; lower it/)
      await odd.close()
    },
    MINUTES,
  )
})
