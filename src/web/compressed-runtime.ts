import { UserError } from '../errors.js'
import { RUNTIME_STEMS, type WebDevice } from '../runtime/engine.web.js'
import { ModelFiles, type DownloadOptions } from '../weights/model-files.web.js'

/**
 * ONNX Runtime's .wasm file for a device, from a folder that holds it compressed and has a manifest.
 *
 * @throws UserError when it cannot be fetched or is damaged, or no folder is named.
 */
export async function fetchRuntime(
  device: WebDevice,
  folder: string | undefined,
  options: DownloadOptions,
): Promise<ArrayBuffer> {
  if (folder === undefined) throw new UserError('compressed is true, but runtime names no folder; give its address')
  const files = await ModelFiles.open(folder, options)
  const bytes = await files.read(`${RUNTIME_STEMS[device]}.wasm.gz`, options)
  const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'))
  return new Response(plain).arrayBuffer()
}
