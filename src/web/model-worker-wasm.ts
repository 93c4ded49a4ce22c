import * as ort from 'onnxruntime-web/wasm'
import { serveModel } from './model-worker.js'

serveModel(ort, 'wasm')
