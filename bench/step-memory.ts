/** Prints what SF-V's step of argv[2] videos costs in this process, its blocks computed again where argv[3] is true. */
import { nodeEngine } from '../src/runtime/engine.node.js'
import { measureStep } from './adversarial.js'

const [videos, rematerialise] = process.argv.slice(2) as [string, string]
console.log(JSON.stringify(await measureStep(nodeEngine(), Number(videos), rematerialise === 'true')))
