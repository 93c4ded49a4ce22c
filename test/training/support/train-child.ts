/** Trains by the recipe file argv[2] in the folder argv[3], going on with what is there; prints its events as JSON lines. */
import { existsSync, readFileSync } from 'node:fs'
import { parseRecipe } from '../../../src/training/recipe/index.js'
import { train } from '../../../src/training/run/train.node.js'

const [file, folder] = process.argv.slice(2) as [string, string]
await train(parseRecipe(JSON.parse(readFileSync(file, 'utf8')), file), {
  folder,
  resume: existsSync(folder),
  threads: 1,
  onEvent: (event) => console.log(JSON.stringify(event)),
})
