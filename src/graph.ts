/**
 * The graph language that every network here is written in, its gradients, and the engine that runs it in Node.
 *
 * @module sfv/graph
 */

export { gradients, zeros } from './graph/gradients.js'
export { lower, type LowerOptions } from './graph/lower.js'
export * as ops from './graph/ops/index.js'
export { type DType, type Shape, type Tensor } from './graph/tensor.js'
export { ParameterSet, type Weights } from './nn/weights.js'
export { nodeEngine, type NodeEngineOptions } from './runtime/engine.node.js'
export { type Engine, type LoweredGraph, type Program, type Values } from './runtime/program.js'
