import { UserError } from '../errors.js'
import { configFileName, PIPELINE_INDEX, type ComponentType } from './pipeline-index.js'
import { isIndexFile, noWeights, parseWeightMap, WEIGHT_FILES } from './weight-files.js'

/**
 * The files of a pipeline that sfv reads: of each component the configuration and, of a network, one set of
 * safetensors, half precision where there is one; model_index.json last. Of weights in shards those count that their
 * index names, whatever they are called.
 *
 * @param present paths of all files that there are
 * @param components of model_index.json
 * @param id names the model in errors
 * @param read the bytes of one of them
 * @throws UserError when a configuration, a network's weights in safetensors, or a shard of them is not there.
 */
export async function neededFiles(
  present: Iterable<string>,
  components: ReadonlyMap<string, ComponentType>,
  id: string,
  read: (path: string) => Promise<Uint8Array>,
): Promise<string[]> {
  const all = new Set(present)
  const files: string[] = []
  for (const [component, [, className]] of components) {
    const config = `${component}/${configFileName(className)}`
    if (!all.has(config))
      throw new UserError(`${id} has no ${config}, which its ${PIPELINE_INDEX} asks for; choose another`)
    files.push(config)
    if (!config.endsWith('/config.json')) continue
    const weights = WEIGHT_FILES.half.map((name) => `${component}/${name}`).find((path) => all.has(path))
    if (weights === undefined) {
      const own = [...all].filter((path) => path.startsWith(`${component}/`))
      throw noWeights(
        `${id}/${component}`,
        own.map((path) => path.slice(component.length + 1)),
      )
    }
    files.push(weights)
    if (!isIndexFile(weights)) continue
    for (const shard of new Set(parseWeightMap(await read(weights), `${id}/${weights}`).values())) {
      const path = `${component}/${shard}`
      if (!all.has(path)) throw new UserError(`${id} has no ${path}, which its ${weights} names; choose another model`)
      files.push(path)
    }
  }
  return [...files, PIPELINE_INDEX]
}
