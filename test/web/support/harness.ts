// The page of the library's tests: what they need of sfv, as a global.
import { lower } from '../../../src/graph/lower.js'
import * as ops from '../../../src/graph/ops/index.js'
import { readImage } from '../../../src/media/image.web.js'
import { openModelFiles } from '../../../src/svd/model-files.web.js'
import {
  chooseDevice,
  webEngine as engineOf,
  type ReadFile,
  type WebEngineOptions,
} from '../../../src/runtime/engine.web.js'
import { ModelFiles } from '../../../src/weights/model-files.web.js'
import * as web from '../../../src/web/index.js'
import { floatClip } from './float-clip.js'

/** An engine on the device that is asked for. */
async function webEngine(readFile: ReadFile, options: WebEngineOptions) {
  const device = await chooseDevice(options.device)
  const ort = device === 'webgpu' ? await import('onnxruntime-web/webgpu') : await import('onnxruntime-web/wasm')
  return engineOf(ort, device, readFile, options)
}

const harness = { ...web, ops, lower, openModelFiles, webEngine, ModelFiles, floatClip, readImage }

/** What the tests find in the page. */
export type Harness = typeof harness

Object.assign(globalThis, { sfv: harness })
