import { deviceTraits } from '../../../src/svd/device-traits.js'
import { Model } from '../../../src/svd/model.js'
import type { Engine, LoweredGraph, Program } from '../../../src/runtime/program.js'
import { GradientProgram } from '../../../src/training/trainer/gradient-program.js'
import { objectiveOf } from '../../../src/training/objectives/registry.node.js'
import type { Recipe } from '../../../src/training/objectives/registry.node.js'
import { tinySource } from '../../pipeline/tiny.js'
import { recipeJson, smokeRecipe } from '../../training/support/smoke.js'

/** A graph that this project hands to ONNX Runtime, and what it is for. */
export interface NamedGraph {
  readonly name: string
  readonly graph: LoweredGraph
}

/** Latents of the smoke clips. */
const SIDE = 8

/** What the smoke recipes do not say of their network: whose it is. */
const NETWORKS: Readonly<Partial<Record<Recipe['objective'], string>>> = {
  sfv: 'teacher',
  ufogen: 'teacher',
  ladd: 'teacher',
  consistency: 'teacher',
}

/** The objectives of the recipe format, each with the changes by which its graph differs. */
const TRAININGS: readonly (readonly [string, Recipe['objective'], Readonly<Record<string, unknown>>])[] = [
  ['vae', 'vae', {}],
  ['vae, decoder alone', 'vae', { part: 'decoder' }],
  ['warp-autoencoder', 'warp-autoencoder', {}],
  ['image-encoder', 'image-encoder', {}],
  ['video-features', 'video-features', {}],
  ['teacher', 'teacher', {}],
  ['teacher, SM3', 'teacher', { optimizer: { name: 'sm3', learningRate: 1e-3 } }],
  ['sfv', 'sfv', {}],
  ['sfv, R1 on the input', 'sfv', { penaltyPlace: 'input' }],
  ['sfv, rematerialised', 'sfv', { rematerialise: true }],
  ['sfv, LoRA', 'sfv', { lora: { rank: 2 } }],
  ['ufogen', 'ufogen', {}],
  ['ladd', 'ladd', {}],
  ['consistency', 'consistency', {}],
]

/** An engine that opens nothing and keeps what it is handed. */
export function recorder(): { readonly engine: Engine; readonly graphs: LoweredGraph[] } {
  const graphs: LoweredGraph[] = []
  const load = (graph: LoweredGraph): Promise<Program> => {
    graphs.push(graph)
    const { inputs, outputs } = graph
    const run = () => Promise.reject(new Error('a recorded graph does not run'))
    return Promise.resolve({ inputs, outputs, run, dispose: () => Promise.resolve() })
  }
  return { engine: { device: 'cpu', load }, graphs }
}

/** Every graph of a training step, with its gradients, as training opens them. */
export async function trainingGraphs(): Promise<NamedGraph[]> {
  const all: NamedGraph[] = []
  for (const [name, objective, changes] of TRAININGS) {
    const recipe = smokeRecipe(objective, changes)
    const of = NETWORKS[objective] ?? objective
    const json = recipeJson(`smoke/${of}.json`)['network'] as object
    const { trained } = objectiveOf(recipe).graph(recipe, { json, file: name, height: SIDE, width: SIDE })
    const { engine, graphs } = recorder()
    await GradientProgram.open(engine, ...trained.map(({ loss, set }) => ({ ...loss, trained: set })))
    all.push(...graphs.map((graph) => ({ name, graph })))
  }
  return all
}

/** The graphs of the three networks for inference, in single or half precision, as the pipeline opens them. */
export async function inferenceGraphs(precision: 'float32' | 'float16'): Promise<NamedGraph[]> {
  const { engine, graphs } = recorder()
  const model = new Model(await tinySource(), engine, precision)
  await deviceTraits(engine)
  const networks = {
    UNet: model.unet('unet', { batch: 1, frames: 2, height: 8, width: 8 }),
    'image encoder': model.imageEncoder(),
    'VAE encoder': model.vaeEncoder(8, 8),
    'VAE decoder': model.vaeDecoder(2, 4, 4),
  }
  for (const network of Object.values(networks)) await network.open()
  return Object.keys(networks).map((name, i) => ({ name: `${name}, ${precision}`, graph: graphs[i]! }))
}
