import { type Recipe } from './schema.js'

/** Learning rate of a step, counted from 1: linear warm-up, then constant or a half cosine down to 0. */
export function learningRate(peak: number, step: number, { warmup, decay, steps }: Recipe): number {
  if (step <= warmup) return (peak * step) / warmup
  if (decay === 'constant') return peak
  return (peak * (1 + Math.cos((Math.PI * (step - warmup)) / Math.max(1, steps - warmup)))) / 2
}
