import type { JsonObject } from './json.js'

/** The scheduler of Stable Video Diffusion: `EulerDiscreteScheduler`'s configuration, as published. */
export const SVD_SCHEDULER: JsonObject = {
  beta_end: 0.012,
  beta_schedule: 'scaled_linear',
  beta_start: 0.00085,
  final_sigmas_type: 'zero',
  interpolation_type: 'linear',
  num_train_timesteps: 1000,
  prediction_type: 'v_prediction',
  sigma_max: 700,
  sigma_min: 0.002,
  steps_offset: 1,
  timestep_spacing: 'leading',
  timestep_type: 'continuous',
  trained_betas: null,
  use_karras_sigmas: true,
}

/** The configuration of `CLIPImageProcessor` for an image encoder that sees `side` x `side` pixels (SVD: 224). */
export function clipImageProcessor(side: number): JsonObject {
  return {
    crop_size: { height: side, width: side },
    do_center_crop: true,
    do_convert_rgb: true,
    do_normalize: true,
    do_rescale: true,
    do_resize: true,
    image_mean: [0.48145466, 0.4578275, 0.40821073],
    image_processor_type: 'CLIPImageProcessor',
    image_std: [0.26862954, 0.26130258, 0.27577711],
    resample: 3,
    rescale_factor: 1 / 255,
    size: { shortest_edge: side },
  }
}
