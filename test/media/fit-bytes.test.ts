import { expect, it } from 'vitest'
import { BEST, fitBytes, type ExportProgress, type Quality } from '../../src/media/fit-bytes.js'

const KB = 1024

/** A file whose size grows with each part of the quality. */
function encode({ lossy, every, scale }: Quality): Promise<Uint8Array<ArrayBuffer>> {
  return Promise.resolve(new Uint8Array(Math.round((1000 * KB * lossy * scale * scale) / every)))
}

it('takes the best where there is no limit', async () => {
  expect((await fitBytes(encode)).quality).toBe(BEST)
})

it.each([800, 600, 450, 320, 200, 90, 25])('finds by halving what just fits in %d KB', async (limit) => {
  const told: ExportProgress[] = []
  const { bytes, quality } = await fitBytes(encode, { limit: limit * KB }, (progress) => told.push(progress))
  expect(bytes.length).toBeLessThanOrEqual(limit * KB)
  expect(told.map(({ tries }) => tries)).toEqual(told.map((_, i) => i + 1))
  expect(told.length).toBeLessThanOrEqual(11)
  // No better detail with as many frames of this size would fit, but for the last halving.
  const finer = { ...quality, lossy: quality.lossy + 0.72 / 32 }
  if (finer.lossy < BEST.lossy) expect((await encode(finer)).length).toBeGreaterThan(limit * KB)
})

it('gives up colours before frames, and frames before size', async () => {
  expect((await fitBytes(encode, { limit: 600 * KB })).quality).toMatchObject({ every: 1, scale: 1 })
  expect((await fitBytes(encode, { limit: 300 * KB })).quality).toMatchObject({ every: 2, scale: 1 })
  expect((await fitBytes(encode, { limit: 110 * KB })).quality).toMatchObject({ every: 2, scale: 0.75 })
})

it('gives up all but the size where that is to be kept', async () => {
  for (const limit of [600, 200, 80, 55]) {
    const { bytes, quality } = await fitBytes(encode, { limit: limit * KB, exactSize: true })
    expect([quality.scale, bytes.length <= limit * KB]).toEqual([1, true])
  }
  await expect(fitBytes(encode, { limit: 45 * KB, exactSize: true })).rejects.toThrow('would have 50 KB, not 45 KB')
})

it('says how small it got where nothing fits', async () => {
  const large = () => Promise.resolve(new Uint8Array(300 * KB))
  await expect(fitBytes(large, { limit: 256 * KB })).rejects.toThrow('the smallest file would have 300 KB, not 256 KB')
})
