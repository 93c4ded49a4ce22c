/** Writes recipes/schema.json, the JSON Schema of recipe files. */
import { format, resolveConfig } from 'prettier'
import { fileURLToPath } from 'node:url'
import { recipeJsonSchema } from '../src/training/recipe/parse.node.js'
import { writeFileAtomic } from '../src/runtime/files.node.js'

const file = fileURLToPath(new URL('../recipes/schema.json', import.meta.url))
await writeFileAtomic(
  file,
  await format(JSON.stringify(recipeJsonSchema()), { ...(await resolveConfig(file)), filepath: file }),
)
