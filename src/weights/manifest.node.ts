import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { sha256OfFiles, writeFileAtomic } from '../runtime/files.node.js'
import { readPipelineFolder } from './diffusers.node.js'
import { MANIFEST, type Manifest } from './manifest.js'
import { PIPELINE_INDEX } from './pipeline-index.js'

/**
 * Sizes and checksums of the files that a browser needs of a model folder: model_index.json, and each component's JSON
 * and weights.
 *
 * @throws UserError when it is not the folder of a StableVideoDiffusionPipeline.
 */
export async function manifestOf(folder: string): Promise<Manifest> {
  const { components } = await readPipelineFolder(folder)
  const paths = [PIPELINE_INDEX]
  for (const name of components.keys()) {
    const names = await readdir(join(folder, name))
    paths.push(...names.filter((file) => /\.(json|safetensors)$/.test(file)).map((file) => `${name}/${file}`))
  }
  const files: Manifest['files'] = {}
  for (const path of paths.sort()) {
    const file = join(folder, path)
    files[path] = { bytes: (await stat(file)).size, sha256: await sha256OfFiles([file]) }
  }
  return { format: 'sfv-manifest-1', files }
}

/**
 * Writes manifest.json into a model folder, so that browsers can open it from a server.
 *
 * @returns what was written.
 * @throws UserError when it is not the folder of a StableVideoDiffusionPipeline, or takes no files.
 */
export async function writeManifest(folder: string): Promise<Manifest> {
  const manifest = await manifestOf(folder)
  await writeFileAtomic(join(folder, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`)
  return manifest
}
