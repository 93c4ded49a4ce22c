import { z } from 'zod'
import { consistency } from './consistency.js'
import { distilled } from './distilled.node.js'
import { imageEncoder } from './image-encoder.node.js'
import { ladd } from './ladd.js'
import { type Objective } from './objective.js'
import { sfv } from './sfv.js'
import { teacher } from './teacher.node.js'
import { ufogen } from './ufogen.js'
import { vae } from './vae.node.js'
import { videoFeatures } from './video-features.node.js'
import { warpAutoencoder } from './warp-autoencoder.node.js'

/** All objectives. A new one is a file beside this one, and a line here. */
export const objectives = [
  vae,
  warpAutoencoder,
  imageEncoder,
  teacher,
  distilled(sfv),
  distilled(consistency),
  distilled(ufogen),
  distilled(ladd),
  videoFeatures,
] as const

type RecipeIn<O> = O extends Objective<infer R> ? R : never

/** A training run, every default filled in. */
export type Recipe = RecipeIn<(typeof objectives)[number]>
/** The recipe of one objective. */
export type RecipeOf<O extends Recipe['objective']> = Extract<Recipe, { objective: O }>

type Schemas = readonly [z.core.$ZodTypeDiscriminable, ...z.core.$ZodTypeDiscriminable[]]

/** A recipe of any objective. */
export const recipeSchema = z.discriminatedUnion(
  'objective',
  objectives.map(({ recipe }) => recipe) as unknown as Schemas,
) as z.ZodType<Recipe>

/** The objective of a recipe. */
export function objectiveOf<R extends Recipe>(recipe: R): Objective<R> {
  const named = objectives.find(({ recipe: { shape } }) => shape['objective']!.safeParse(recipe.objective).success)
  return named as unknown as Objective<R>
}
