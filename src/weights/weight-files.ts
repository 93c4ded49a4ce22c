import { UserError } from '../errors.js'
import { isJsonObject, parseJsonObject } from './json.js'

/** Weight files of a component's folder, without their ending: the names of diffusers and of transformers. */
const STEMS = ['diffusion_pytorch_model', 'model']

const FULL = STEMS.flatMap((stem) => [`${stem}.safetensors`, `${stem}.safetensors.index.json`])
const HALF = STEMS.flatMap((stem) => [
  `${stem}.fp16.safetensors`,
  `${stem}.safetensors.index.fp16.json`,
  `${stem}.fp16.safetensors.index.json`,
])

/**
 * Names under which a component's weights, or the index of their shards, are looked for; the first that is there is
 * taken.
 */
export const WEIGHT_FILES = { full: [...FULL, ...HALF], half: [...HALF, ...FULL], fp16: HALF } as const

/** The file of a LoRA, as diffusers names it. */
export const LORA_FILE = 'pytorch_lora_weights.safetensors'

const INDEX_FILE = /\.safetensors\.index(\.\w+)?\.json$/

/** Whether a file is the index of a checkpoint in shards. */
export function isIndexFile(name: string): boolean {
  return INDEX_FILE.test(name)
}

/** Formats of weights that sfv does not read, by the ending of their files. */
const FOREIGN: readonly [ending: RegExp, format: string][] = [
  [/\.(bin|pt|pth|ckpt)$/, 'the pickle format of PyTorch'],
  [/\.(msgpack|h5)$/, 'a format of Flax or TensorFlow'],
  [/\.(onnx|xml|gguf|mlmodel|mlpackage)$/, 'a format of other software'],
]

/** How to get what sfv reads. */
const SAVE_AGAIN =
  'save the model again with StableVideoDiffusionPipeline.save_pretrained of diffusers, which writes .safetensors'

/** The format of weights that the ending of a file stands for and sfv does not read. */
function foreignEnding(file: string): string | undefined {
  return FOREIGN.find(([ending]) => ending.test(file))?.[1]
}

/** The error of a file of weights that was given, which sfv does not read by its ending; undefined where it is none. */
export function unreadable(file: string): UserError | undefined {
  const format = foreignEnding(file)
  return format === undefined
    ? undefined
    : new UserError(`${file} is in ${format}, which sfv does not read; ${SAVE_AGAIN}`)
}

/**
 * The error of a component that has none of `WEIGHT_FILES`: it names the files that do hold its weights, where there
 * are some.
 *
 * @param folder the component's folder, or how else messages call it
 * @param names the files in it
 * @param wanted those that were looked for
 */
export function noWeights(folder: string, names: readonly string[], wanted: readonly string[] = FULL): UserError {
  const name = names.find((file) => foreignEnding(file) !== undefined)
  if (name !== undefined)
    return new UserError(
      `${folder} holds its weights as ${name}, ${foreignEnding(name)}, which sfv does not read; ${SAVE_AGAIN}`,
    )
  const other = names.find((file) => file.endsWith('.safetensors'))
  const found = other === undefined ? '' : `, only ${other}`
  return new UserError(
    `${folder} holds no weights${found}; it should have one of ${wanted.slice(0, FULL.length).join(', ')}`,
  )
}

/**
 * What a file is that does not begin as a safetensors file does: a pointer of Git LFS, a web page, another format.
 *
 * @param start its first bytes, 8 or more
 */
export function foreignFormat(start: Uint8Array): string | undefined {
  // A safetensors file begins with the length of its header, of which the upper half is zero.
  if (start.subarray(4, 8).every((byte) => byte === 0)) return undefined
  const text = String.fromCharCode(...start.subarray(0, 8))
  if (text === 'version ') return 'a pointer of Git LFS, not the file itself; run git lfs pull in its folder'
  if (/^\s*<(!doc|html|\?xml)/i.test(text)) return 'a web page, not the file itself; download it again'
  if (text.startsWith('PK\x03\x04') || (start[0] === 0x80 && start[1]! <= 5))
    return `in the pickle format of PyTorch, which sfv does not read; ${SAVE_AGAIN}`
  return text.startsWith('GGUF') ? `in the GGUF format, which sfv does not read; ${SAVE_AGAIN}` : undefined
}

/**
 * The shards that an index file names: the name of a file beside it for each tensor.
 *
 * @throws UserError when it is not an index, or names anything but .safetensors files beside it.
 */
export function parseWeightMap(bytes: Uint8Array, indexFile: string): Map<string, string> {
  const map = parseJsonObject(bytes, indexFile)['weight_map']
  if (!isJsonObject(map) || Object.keys(map).length === 0) {
    throw new UserError(`${indexFile}: field weight_map is not an object of tensor names; download the file again`)
  }
  return new Map(
    Object.entries(map).map(([name, shard]) => {
      if (typeof shard === 'string' && /^[^/\\]+\.safetensors$/.test(shard)) return [name, shard]
      throw new UserError(
        `${indexFile}: field weight_map.${name} is not the name of a .safetensors file beside it; download the file again`,
      )
    }),
  )
}
