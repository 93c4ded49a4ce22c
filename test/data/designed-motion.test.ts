import { describe, expect, it } from 'vitest'
import { designedMotion, type DesignedClip } from '../../src/data/designed-motion.js'
import { PART_MOTIONS } from '../../src/data/designed-part.js'
import { WHOLE_MOTIONS } from '../../src/data/designed-whole.js'
import type { RgbaFrames } from '../../src/media/frames.js'
import { Random } from '../../src/runtime/random.js'

const SIDE = 128
const [COUNT, FPS] = [14, 8]

/** A grey figure with round corners, and a white dot where asked for. */
function figure(dotX = -99, dotY = -99): RgbaFrames {
  const data = new Uint8Array(SIDE * SIDE * 4)
  for (let y = 0; y < SIDE; y++)
    for (let x = 0; x < SIDE; x++) {
      const [dx, dy] = [Math.abs(x - 63.5) / 48, Math.abs(y - 63.5) / 48]
      if (dx ** 4 + dy ** 4 > 1) continue
      const dot = Math.exp(-((x - dotX) ** 2 + (y - dotY) ** 2) / (2 * 1.8 ** 2))
      const grey = Math.round(60 + 195 * dot)
      data.set([grey, grey, grey, 255], 4 * (y * SIDE + x))
    }
  return { width: SIDE, height: SIDE, count: 1, data }
}

const clips = (draws: number, still = figure(), scene = false): DesignedClip[] =>
  Array.from({ length: draws }, (_, draw) =>
    designedMotion(still, COUNT, FPS, new Random(3, draw), { scene, companion: figure() }),
  )

/** Where the dot is in a frame: the centre of what is lighter than the figure and its soft edge. */
function dotIn({ frames }: DesignedClip, frame: number): [number, number] {
  let [sum, sumX, sumY] = [0, 0, 0]
  for (let i = 0; i < SIDE * SIDE; i++) {
    const weight = Math.max(0, frames.data[4 * (frame * SIDE * SIDE + i)]! - 70)
    sum += weight
    sumX += weight * (i % SIDE)
    sumY += weight * Math.floor(i / SIDE)
  }
  return [sumX / sum, sumY / sum]
}

const flowAt = ({ flow }: DesignedClip, frame: number, column: number, row: number) =>
  [0, 1].map((axis) => flow[(frame * 2 + axis) * 64 + row * 8 + column]!) as [number, number]

const median = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)]!

describe('a designed motion', () => {
  it('begins with the still itself', () => {
    const still = figure(50, 60)
    for (const { frames, motion } of clips(40, still))
      expect(Buffer.compare(frames.data.subarray(0, still.data.length), still.data), motion).toBe(0)
  })

  it('is told by its flow, whatever the motion', () => {
    const seenMotions = new Set<string>()
    for (const [column, row] of [
      [2, 2],
      [5, 3],
      [3, 5],
    ] as const) {
      const [x, y] = [column * 16 + 7.5, row * 16 + 7.5]
      for (const clip of clips(60, figure(x, y))) {
        for (const name of clip.motion.split(' + ')) seenMotions.add(name)
        expect(flowAt(clip, 0, column, row)).toEqual([0, 0])
        for (let frame = 1; frame < COUNT; frame++) {
          const [dx, dy] = flowAt(clip, frame, column, row)
          // A dot that has nearly left, or is squeezed to a line, has its centre elsewhere.
          if (Math.min(x + dx, y + dy) < 6 || Math.max(x + dx, y + dy) > SIDE - 7) continue
          const [foundX, foundY] = dotIn(clip, frame)
          expect(Math.hypot(foundX - x - dx, foundY - y - dy), `${clip.motion}, frame ${frame}`).toBeLessThan(0.8)
        }
      }
    }
    expect([...seenMotions].sort()).toEqual([...Object.keys(WHOLE_MOTIONS), ...Object.keys(PART_MOTIONS)].sort())
  })

  it('can be seen, and stays on the canvas for the most part', () => {
    const furthest: number[] = []
    const left: number[] = []
    for (const { flow, frames, seen } of clips(120)) {
      let [most, visible] = [0, 0]
      for (let i = 0; i < COUNT * 64; i++) {
        const at = Math.floor(i / 64) * 128 + (i % 64)
        if (seen[i % 64]) most = Math.max(most, Math.hypot(flow[at]!, flow[at + 64]!))
      }
      for (let y = 0; y < SIDE; y++)
        for (let frame = 1; frame < COUNT; frame++)
          for (const x of [0, SIDE - 1]) visible += frames.data[4 * ((frame * SIDE + y) * SIDE + x) + 3]! > 128 ? 1 : 0
      furthest.push(most)
      left.push(visible)
    }
    expect(Math.min(...furthest)).toBeGreaterThan(2)
    expect(median(furthest)).toBeGreaterThan(7)
    expect(left.filter((pixels) => pixels === 0).length).toBeGreaterThan(0.8 * left.length)
  })

  it('ends where it began when it loops, and only sometimes otherwise', () => {
    const away = (clip: DesignedClip) => Math.max(...clip.flow.subarray(-128).map(Math.abs))
    const all = clips(80)
    const looped = all.filter(({ loops }) => loops)
    expect(looped.length).toBeGreaterThan(15)
    for (const clip of looped) expect(away(clip), clip.motion).toBeLessThan(1e-3)
    expect(median(all.filter(({ loops }) => !loops).map(away))).toBeGreaterThan(2)
  })

  it('goes by seconds, not by frames', () => {
    for (let draw = 0; draw < 20; draw++) {
      const slow = designedMotion(figure(), 8, 6, new Random(5, draw))
      const fast = designedMotion(figure(), 15, 12, new Random(5, draw))
      // A shake is no faster than its frames can show.
      if (slow.motion.includes('shake')) continue
      const everySecond = Array.from({ length: 8 }, (_, k) => [...fast.flow.subarray(2 * k * 128, (2 * k + 1) * 128)])
      everySecond.flat().forEach((value, i) => expect(value).toBeCloseTo(slow.flow[i]!, 4))
    }
  })

  it('is the same for the same seed', () => {
    const [once, again] = [clips(3), clips(3)]
    const bytes = (all: DesignedClip[]) =>
      all.map(({ frames, flow }) => [Buffer.from(frames.data), Buffer.from(flow.buffer)])
    for (const [i, parts] of bytes(once).entries())
      for (const [j, part] of parts.entries()) expect(part.equals(bytes(again)[i]![j]!)).toBe(true)
    expect(bytes(once)[0]![0]!.equals(bytes(once)[1]![0]!)).toBe(false)
  })

  it('has a ground that covers all, or a companion, in some scenes', () => {
    const scenes = clips(80, figure(), true)
    const opacities = scenes.map(({ frames }) => frames.data.filter((_, i) => i % 4 === 3))
    const opaque = opacities.filter((opacity) => !opacity.some((value) => value < 255))
    expect(opaque.length).toBeGreaterThan(10)
    expect(opaque.length).toBeLessThan(34)
    expect(scenes.filter(({ motion }) => motion.includes(',')).length).toBeGreaterThan(6)
    // No colour is above its opacity.
    for (const [i, { frames }] of scenes.entries())
      expect(frames.data.findIndex((value, at) => value > opacities[i]![at >> 2]!)).toBe(-1)
  })
})
