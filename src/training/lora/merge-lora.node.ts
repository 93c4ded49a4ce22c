import { join } from 'node:path'
import { UserError } from '../../errors.js'
import { sizeOf } from '../../graph/tensor.js'
import { Checkpoint } from '../../weights/checkpoint.node.js'
import { modelFolder } from '../../weights/model-folder.node.js'
import { readConfig, saveComponent, weightFiles } from '../output/components.node.js'
import { Layout } from '../trainer/parameters.js'
import { completePipeline } from '../output/pipeline-folder.node.js'
import { addLora, readLora } from './read-lora.node.js'

/**
 * Writes the pipeline folder `out`: that of `model` with W + alpha/rank B A for every weight that the LoRA adapts, as
 * its `student` component. Where `out` is `model`, the student is added to it.
 *
 * @param dtype what the student is stored in; float16 rounds an update that is small beside its weight
 * @param force whether a student that `out` has is replaced
 * @returns how many weights were changed
 * @throws UserError when the LoRA adapts what the model does not have, or in other shapes, or where `out` has a student
 *   that is not to be replaced.
 */
export async function mergeLora(
  model: string,
  lora: string,
  out: string,
  dtype: 'F16' | 'F32' = 'F16',
  force = false,
): Promise<number> {
  if (!force && (await weightFiles(join(out, 'student'))).length > 0)
    throw new UserError(`${out} has a student already; give another folder, or add --force to replace it`)
  const folder = await modelFolder(model)
  const { json } = await readConfig(folder, 'unet')
  const base = await Checkpoint.open(join(folder, 'unet'))
  const modules = [...base.tensors.keys()].filter((name) => name.endsWith('.weight'))
  const adapters = await readLora(
    lora,
    modules.map((name) => name.slice(0, -'.weight'.length)),
  )
  for (const [module, { a, b }] of adapters) {
    const stored = base.tensors.get(`${module}.weight`)
    if (!stored)
      throw new UserError(`${lora} adapts ${module}, which ${model}/unet does not have; merge it into its base`)
    const [rows, columns] = [stored.shape[0], sizeOf(stored.shape.slice(1))]
    if (rows !== b.shape[0] || columns !== sizeOf(a.shape.slice(1)) || a.shape[0] !== b.shape[1])
      throw new UserError(
        `${lora} adapts ${module} as [${b.shape.join(',')}] times [${a.shape.join(',')}], but its weight in ${model}/unet is [${stored.shape.join(',')}]; merge it into its base`,
      )
  }
  const layout = new Layout([...base.tensors].map(([name, { shape }]) => [name, shape]))
  const values = new Float32Array(layout.size)
  for (const { name, offset, size } of layout.spans) {
    const weight = values.subarray(offset, offset + size)
    weight.set(await base.read(name))
    const adapter = adapters.get(name.replace(/\.weight$/, ''))
    if (adapter && name.endsWith('.weight')) addLora(weight, adapter)
  }
  await saveComponent(out, 'student', json, layout, values, dtype)
  await completePipeline(out, folder, ['student'])
  return adapters.size
}
