import { expect } from 'vitest'
import { lower } from '../../src/graph/lower.js'
import { input } from '../../src/graph/ops/index.js'
import { type Tensor } from '../../src/graph/tensor.js'
import { nodeEngine } from '../../src/runtime/engine.node.js'
import { type Program, type StoredBytes, type Values } from '../../src/runtime/program.js'
import { fixturePath, readJson, relativeError, tensorOf, type FixtureTensor } from '../support/fixture.js'
import { Checkpoint } from '../../src/weights/checkpoint.node.js'

export type Tensors = Map<string, FixtureTensor>
export type Feeds = Record<string, Values>

const engine = nodeEngine()

/** Opens a graph whose weights are fed at each run, so that one session serves several sets of them. */
export function openFed(outputs: Record<string, Tensor>, training = false): Promise<Program> {
  return engine.load(lower(outputs, { training }))
}

/** Opens a graph whose weights are read from a checkpoint under test/fixtures. */
export async function openStored(outputs: Record<string, Tensor>, path: string): Promise<Program> {
  const checkpoint = await Checkpoint.open(fixturePath(path))
  return engine.load(lower(outputs, { bind: (name) => checkpoint.tensors.get(name) as StoredBytes | undefined }))
}

/** Inputs of a graph, one per tensor `in.NAME` of a case. */
export function inputsOf(tensors: Tensors): Record<string, Tensor> {
  const names = [...tensors.keys()].filter((name) => name.startsWith('in.')).map((name) => name.slice(3))
  return Object.fromEntries(names.map((name) => [name, input(name, tensorOf(tensors, `in.${name}`).shape)]))
}

/** The float32 values of tensors, by name; `in.NAME` becomes NAME. */
export function feedsOf(...sets: Tensors[]): Feeds {
  const entries = sets.flatMap((tensors) => [...tensors])
  return Object.fromEntries(entries.map(([name, { data }]) => [name.replace(/^in\./, ''), data as Float32Array]))
}

/** The values of one tensor of a fixture. */
export function valuesOf(tensors: Tensors, name: string): Float32Array {
  return tensorOf(tensors, name).data as Float32Array
}

/** Names and shapes of a fixture's tensors, to compare with `ParameterSet.shapes`. */
export function shapesOf(tensors: Tensors): Map<string, readonly number[]> {
  return new Map([...tensors].map(([name, { shape }]) => [name, shape]))
}

/** The weights of a `case-eps`: those of which its pattern finds the name, times its factor. */
export function scaledWeights(weights: Tensors, path: string): Tensors {
  const { factor, pattern } = readJson<{ factor: number; pattern: string }>(path)
  const regex = new RegExp(pattern)
  return new Map(
    [...weights].map(([name, { shape, data }]) => [
      name,
      { shape, data: regex.test(name) ? (data as Float32Array).map((v) => v * factor) : data },
    ]),
  )
}

/** Expects max |actual - expected| / max |expected| below a limit. */
export function expectClose(actual: Float32Array | undefined, expected: ArrayLike<number>, limit: number): void {
  expect(relativeError(actual ?? [], expected)).toBeLessThan(limit)
}

const largest = (values: ArrayLike<number>) => Array.from(values).reduce((most, v) => Math.max(most, Math.abs(v)), 0)

/** Of a gradient: no entry may be farther off than this. `scale` is the largest gradient of all tensors. */
const gradientLimit = (expected: ArrayLike<number>, scale: number) => 2e-3 * largest(expected) + 1e-6 * scale

function largestDifference(actual: Float32Array, expected: Float32Array): number {
  expect(actual).toHaveLength(expected.length)
  return actual.reduce((most, v, i) => Math.max(most, Number.isNaN(v) ? Infinity : Math.abs(v - expected[i]!)), 0)
}

/** Checks the gradient of every tensor in `expected`. */
export function expectGradients(actual: Record<string, Float32Array>, expected: Tensors): void {
  const scale = Math.max(...[...expected.values()].map(({ data }) => largest(data)))
  const wrong = [...expected.keys()].filter((name) => {
    const values = valuesOf(expected, name)
    return largestDifference(actual[name]!, values) > gradientLimit(values, scale)
  })
  expect(wrong).toEqual([])
}

/** At most 128 entries, evenly spread: what the sampled fixtures hold. */
export function sampleOf(values: Float32Array): Float32Array {
  const n = values.length
  return n <= 128 ? values : Float32Array.from({ length: 128 }, (_, i) => values[Math.floor((i * n) / 128)]!)
}

/**
 * Checks the gradients of parameters against 128 entries of each (`NAME#sample`), its Euclidean norm (`NAME#norm`) and
 * the sum of its entries (`NAME#sum`).
 */
export function expectSampledGradients(actual: Map<string, Float32Array>, sampled: Tensors): void {
  const names = [...sampled.keys()]
    .filter((name) => name.endsWith('#sample'))
    .map((name) => name.replace('#sample', ''))
  expect([...actual.keys()].sort()).toEqual(names.sort())
  const scale = Math.max(...names.map((name) => largest(valuesOf(sampled, `${name}#sample`))))
  const wrong = names.flatMap((name) => {
    const gradient = actual.get(name)!
    const n = gradient.length
    const sample = valuesOf(sampled, `${name}#sample`)
    const norm = valuesOf(sampled, `${name}#norm`)[0]!
    // Errors within the limit of every entry add up to no more than this.
    const normLimit = 2e-3 * norm + 1e-6 * scale * Math.sqrt(n)
    const problems = {
      sample: largestDifference(sampleOf(gradient), sample) > gradientLimit(sample, scale),
      norm: !(Math.abs(Math.hypot(...gradient) - norm) <= normLimit),
      sum: !(
        Math.abs(gradient.reduce((a, b) => a + b, 0) - valuesOf(sampled, `${name}#sum`)[0]!) <=
        normLimit * Math.sqrt(n)
      ),
    }
    return Object.entries(problems).flatMap(([what, is]) => (is ? [`${what} of ${name}`] : []))
  })
  expect(wrong).toEqual([])
}
