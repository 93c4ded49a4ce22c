import { unzip } from 'fflate'
import { UserError } from '../errors.js'
import { PIPELINE_INDEX } from './pipeline-index.js'

/**
 * The files of a model that a user picked: a folder (`<input type=file webkitdirectory>`), or one zip of it. Their paths are made
 * relative to the folder that `model_index.json` lies in.
 *
 * @throws UserError when there is no such file among them, or the zip cannot be read.
 */
export async function pickedFiles(files: readonly File[]): Promise<ReadonlyMap<string, Blob>> {
  const [first] = files
  const isZip = files.length === 1 && /\.zip$/i.test(first!.name)
  const all = isZip
    ? await unzipped(first!)
    : files.map((file) => [file.webkitRelativePath || file.name, file] as const)
  const index = all.map(([path]) => path).find((path) => path === PIPELINE_INDEX || path.endsWith(`/${PIPELINE_INDEX}`))
  if (index === undefined)
    throw new UserError(
      `${isZip ? first!.name : 'the folder'} has no ${PIPELINE_INDEX}; give the folder of a model as diffusers saves it, or a zip of it`,
    )
  const folder = index.slice(0, -PIPELINE_INDEX.length)
  return new Map(
    all.filter(([path]) => path.startsWith(folder)).map(([path, file]) => [path.slice(folder.length), file]),
  )
}

async function unzipped(file: File): Promise<(readonly [string, Blob])[]> {
  const bytes = new Uint8Array(await file.arrayBuffer())
  return new Promise((resolve, reject) => {
    unzip(bytes, (error, files) => {
      if (error)
        reject(new UserError(`${file.name} is no zip that can be read (${error.message}); zip the folder anew`))
      else resolve(Object.entries(files).map(([path, content]) => [path, new Blob([content.slice()])] as const))
    })
  })
}
