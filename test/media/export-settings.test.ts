import { expect, it } from 'vitest'
import { fitBytes, QUALITIES } from '../../src/media/export-settings.js'

const KB = 1024

it('takes the best where there is no limit, and the first that fits where there is one', async () => {
  const tried: number[] = []
  const encode = (quality: (typeof QUALITIES)[number]) => {
    tried.push(QUALITIES.indexOf(quality))
    return Promise.resolve(new Uint8Array(100 * KB - 10 * KB * tried.at(-1)!))
  }
  expect((await fitBytes(encode, undefined)).quality).toBe(QUALITIES[0])
  tried.length = 0
  const { bytes, quality } = await fitBytes(encode, 75 * KB)
  expect([bytes.length, quality]).toEqual([70 * KB, QUALITIES[3]])
  expect(tried).toEqual([0, 1, 2, 3])
})

it('says how small it got where nothing fits', async () => {
  const encode = () => Promise.resolve(new Uint8Array(300 * KB))
  await expect(fitBytes(encode, 256 * KB)).rejects.toThrow('the smallest file would have 300 KB, not 256 KB')
})
