/**
 * Trains by the recipe file argv[2] in the folder argv[3], going on with what is there, together with the other
 * processes of an MPI job; prints its events as JSON lines.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { joinMpi } from '../../../src/runtime/mpi.node.js'
import { parseRecipe } from '../../../src/training/recipe/parse.node.js'
import { train } from '../../../src/training/trainer/train.node.js'

const [file, folder] = process.argv.slice(2) as [string, string]
const job = await joinMpi()
console.log(JSON.stringify({ type: 'process', rank: job?.group.rank ?? 0, pid: process.pid }))
await train(parseRecipe(JSON.parse(readFileSync(file, 'utf8')), file), {
  folder,
  resume: existsSync(join(folder, 'recipe.json')),
  threads: 1,
  ...(job && { group: job.group }),
  onEvent: (event) => console.log(JSON.stringify(event)),
})
job?.leave()
