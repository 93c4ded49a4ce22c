/**
 * Evaluation: distances between sets of clips, and the tables of a model.
 *
 * @module sfv/evaluation
 */

export { evaluate, type EvaluateOptions } from './evaluate.node.js'
export { type FeatureNetwork, openFeatureNetwork } from './feature-network.node.js'
export { type FeatureRows, frechetDistance } from './frechet.js'
export { kernelDistance } from './kernel-distance.js'
export { type EvaluationProgress } from './progress.js'
export { type MotionChoice } from './motion-buckets.js'
export { printTable } from './report/table.js'
export { type EvaluationResults, type RowResult, type SetMetrics } from './results.js'
