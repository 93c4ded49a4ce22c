import { describe, expect, it } from 'vitest'
import { StatusLine } from '../../src/cli/progress.js'
import { TrainMeter } from '../../src/cli/train-meter.js'

/** Where a meter writes: a pipe, or a terminal, and what has come. */
function sink(isTTY: boolean) {
  const written: string[] = []
  const stream = { isTTY, columns: 80, write: (text: string) => written.push(text) > 0 }
  return { written, stream: stream as unknown as NodeJS.WriteStream }
}

/** The steps whose lines are left standing, of a run of `steps` steps of `seconds` each. */
function lines(steps: number, seconds: number, isTTY = false): number[] {
  const { written, stream } = sink(isTTY)
  let clock = 0
  const meter = new TrainMeter(new StatusLine(stream), 'runs/x', () => clock)
  meter.report({ type: 'started', step: 0, steps, clipsPerStep: 1, processes: 1, changes: [] })
  for (let step = 1; step <= steps; step++) {
    clock += 1000 * seconds
    meter.report({ type: 'step', step, seconds, metrics: { loss: 1 } })
  }
  return written.flatMap((text) =>
    text.endsWith('\n') ? [...text.matchAll(/^(\d+)\/\d+ {2}/g)].map((m) => Number(m[1])) : [],
  )
}

describe('what a training run prints', () => {
  it('is, in a pipe, a line at least every ten seconds, and not more', () => {
    expect(lines(30, 3)).toEqual([1, 5, 9, 13, 17, 21, 25, 29, 30])
    expect(lines(4, 45)).toEqual([1, 2, 3, 4])
    expect(lines(1000, 0.01)).toEqual([1, 1000])
  })

  it('leaves fewer lines standing on a terminal, where the last one is written over', () => {
    expect(lines(60, 3, true)).toEqual([1, 21, 41, 60])
  })

  it('tells what it does before the first step, warnings, and what the end is worth', () => {
    const { written, stream } = sink(false)
    const meter = new TrainMeter(new StatusLine(stream), 'runs/x')
    meter.report({ type: 'stage', stage: 'open' })
    meter.report({ type: 'warning', message: 'tight: 9 GB' })
    meter.report({ type: 'finished', step: 3, output: 'models/mine', missing: ['unet'] })
    meter.report({ type: 'finished', step: 3, output: 'models/mine', missing: [] })
    meter.report({ type: 'finished', step: 2 })
    expect(written).toEqual([
      'runs/x: opening the networks\n',
      'sfv: tight: 9 GB\n',
      'wrote models/mine, which is no whole model yet: train its unet too, with the same output\n',
      'wrote models/mine\n',
      'stopped after step 2; --resume goes on\n',
    ])
  })
})
