import { expect, it } from 'vitest'
import { driftOf } from '../../src/evaluation/drift.js'

const [SIDE, COUNT] = [16, 6]

/** Stripes of two greys, as far apart as `contrast` says, about `mean`. */
function stripes(mean: number, contrast: number): number[] {
  return Array.from({ length: 3 * SIDE * SIDE }, (_, i) => mean + (Math.floor(i / 3) % 2 === 0 ? contrast : -contrast))
}

it('tells how colours and sharpness differ from the first frame', () => {
  const data = new Uint8Array(
    [stripes(100, 40), stripes(100, 40), ...Array(4).fill(stripes(112, 20))].flat() as number[],
  )
  const { first, last } = driftOf({ width: SIDE, height: SIDE, count: COUNT, data }, 2)
  expect(first).toEqual({ colours: 60, sharpness: 1 })
  // Each mean is 12 off and each deviation 20, so that the mean square is (144 + 400) / 2.
  expect(last.colours).toBeCloseTo(10 * Math.log10(255 ** 2 / 272), 6)
  expect(last.sharpness).toBeCloseTo(0.5, 6)
})
