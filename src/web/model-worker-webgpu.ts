import * as ort from 'onnxruntime-web/webgpu'
import { serveModel } from './model-worker.js'

serveModel(ort, 'webgpu')
