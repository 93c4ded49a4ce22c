export {
  type DiscriminatorNoise,
  discriminatorNoise,
  type DiscriminatorNoiseOptions,
  drawSigma,
  SFV_DISCRIMINATOR_NOISE,
} from './discriminator-noise.js'
export { denoised, lossWeight, precondition, type Preconditioning } from './edm.js'
export { applyGuidance, type GuidanceRange, guidanceScales, isGuided } from './guidance.js'
export { type Denoise, eulerStep, sample, type SampleOptions, type SamplerProgress } from './sampler.js'
export {
  generatorSigmas,
  karrasSchedule,
  karrasSigmas,
  type Schedule,
  type SchedulerConfig,
  sfvSigmas,
  type SigmaRange,
  SVD_SIGMAS,
} from './schedule.js'
export { parseSchedulerConfig } from './scheduler-config.js'
