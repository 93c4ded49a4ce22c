// Throws mutated files at the safetensors parser: npm run fuzz -- [FILES] [SEED]
// Fails where one crashes it, is accepted wrongly, takes over a second, or makes memory grow beyond 1 GiB.
import fc from 'fast-check'
import { checkParse, mutatedFile } from '../test/weights/headers.js'

const files = Number(process.argv[2] ?? 1_000_000)
const seed = Number(process.argv[3] ?? Date.now() % 2 ** 31)

let accepted = 0
let slowest = 0
const property = fc.property(mutatedFile, (file) => {
  const start = performance.now()
  if (checkParse(file)) accepted++
  slowest = Math.max(slowest, performance.now() - start)
})

console.log(`${files} files from seed ${seed}`)
fc.assert(property, { numRuns: files, seed })

const memory = process.resourceUsage().maxRSS / 1024
console.log(`${accepted} accepted; slowest ${slowest.toFixed(1)} ms; peak memory ${memory.toFixed(0)} MiB`)
if (slowest > 1000 || memory > 1024) throw new Error('a mutated header costs too much time or memory')
