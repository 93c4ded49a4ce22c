import { join } from 'node:path'
import sharp, { type Sharp } from 'sharp'
import { describe, expect, it } from 'vitest'
import { frameAt, type Frames } from '../../src/media/frames.js'
import { writeSheet, type SheetOptions } from '../../src/media/sheet.node.js'
import { emojiFrames, newFolder, psnr } from './support.js'

async function sheetOf(rows: readonly Frames[], options?: SheetOptions): Promise<Sharp> {
  const path = join(newFolder(), 'sheet.png')
  await writeSheet(path, rows, options)
  return sharp(path)
}

describe('writeSheet', () => {
  it('puts frames side by side and rows one below the other, with gaps of two pixels', async () => {
    const rows = [await emojiFrames('fox', 20, 30, 3), await emojiFrames('fire', 16, 12, 2)]
    const sheet = await sheetOf(rows)
    expect(await sheet.metadata()).toMatchObject({ format: 'png', width: 2 + 3 * 22, height: 2 + 32 + 14 })
    for (const [row, top] of rows.map((row, index) => [row, [2, 34][index] ?? 0] as const)) {
      const { width, height } = row
      for (let i = 0; i < row.count; i++) {
        const area = { left: 2 + i * (width + 2), top, width, height }
        expect(psnr(await sheet.clone().extract(area).raw().toBuffer(), frameAt(row, i).data)).toBe(Infinity)
      }
    }
    const gap = await sheet.clone().extract({ left: 22, top: 2, width: 2, height: 1 }).raw().toBuffer()
    expect([...gap]).toEqual(Array(6).fill(224))
  })

  it('scales every frame', async () => {
    const row = await emojiFrames('fox', 20, 20, 2)
    expect(await (await sheetOf([row], { scale: 2 })).metadata()).toMatchObject({ width: 2 + 2 * 42, height: 44 })
    expect(await (await sheetOf([row], { scale: 0.5 })).metadata()).toMatchObject({ width: 2 + 2 * 12, height: 14 })
  })

  it('draws labels at the left of their rows, whatever letters they have', async () => {
    const row = await emojiFrames('fox', 20, 40, 2)
    const labels = ['<b>&amp;</b> ]]> "\u0000\u0007\n', 'second']
    const sheet = await sheetOf([row, row], { labels })
    const { width, height } = await sheet.metadata()
    const margin = width - (2 + 2 * 22)
    expect(margin).toBeGreaterThan(100)
    for (const [index, top] of [2, 44].entries()) {
      const frame = { left: margin + 2, top, width: 20, height: 40 }
      expect(psnr(await sheet.clone().extract(frame).raw().toBuffer(), frameAt(row, 0).data), labels[index]).toBe(
        Infinity,
      )
    }
    expect(height).toBe(2 + 2 * 42)
  })
})
