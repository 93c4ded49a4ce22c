export { discriminatorNoise, drawSigma } from './discriminator-noise.js'
export { applyGuidance, guidanceScales, isGuided } from './guidance.js'
export { type Denoise, eulerStep, sample, sampleClean, sampleConsistency, type SampleOptions } from './sampler.js'
export {
  consistencySchedule,
  generatorSchedule,
  generatorSigmas,
  karrasSchedule,
  karrasSigmas,
  type Schedule,
  type SchedulerConfig,
  sfvSigmas,
  SVD_SIGMAS,
} from './schedule.js'
export { parseSchedulerConfig } from './scheduler-config.js'
