// Averages the weights of two students of one teacher: npx tsx scripts/average-students.ts A B OUT [SHARE]
// A, B and OUT are model folders; SHARE (default 0.5) is that of B. Students that were fine-tuned from the same weights lie in
// one valley of the loss, and their mean takes from both (Wortsman et al. 2022, "Model soups").
import { ParameterSet } from '../src/nn/weights.js'
import { copyComponents, readConfig, readWeights, saveComponent } from '../src/training/components.node.js'
import { Layout } from '../src/training/parameters.js'
import { traceUNet } from '../src/training/tasks/unet.js'

const [a, b, out, share = '0.5'] = process.argv.slice(2)
const weight = Number(share)
if (a === undefined || b === undefined || out === undefined || !(weight >= 0 && weight <= 1)) {
  console.error('give two model folders, the folder to write, and a share between 0 and 1')
  process.exit(2)
}
const { json, file } = await readConfig(a, 'student')
const { set } = traceUNet(new ParameterSet(), json, file)
const [first, second] = [await readWeights(a, 'student', set), await readWeights(b, 'student', set)]
await copyComponents(a, out)
const mean = first.map((value, i) => (1 - weight) * value + weight * second[i]!)
await saveComponent(out, 'student', json, new Layout(set.shapes), mean)
