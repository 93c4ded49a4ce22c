import { z } from 'zod'
import { type Colour, clipInput as clipPixels } from '../media/clip-input.js'
import type { Frames, Picture } from '../media/frames.js'
import { resizeLanczos, resizePicture } from '../media/lanczos.js'
import { type Size, toPlanes, toSigned } from '../media/resize.js'
import type { Autoencoder } from '../models/autoencoder.js'
import { parseConfig } from '../models/config.js'

/** How the image encoder wants its picture, read from `preprocessor_config.json`. */
export interface ClipPreprocessing {
  readonly size: Size
  readonly mean: Colour
  readonly std: Colour
}

const side = z.number().int().positive()
const colour = z.tuple([z.number(), z.number(), z.number()])
const kind = z
  .enum(['CLIPImageProcessor', 'CLIPImageProcessorFast', 'CLIPImageProcessorPil', 'CLIPFeatureExtractor'])
  .optional()

const schema = z.strictObject({
  crop_size: z.union([
    side.transform((length) => ({ height: length, width: length })),
    z.strictObject({ height: side, width: side }),
  ]),
  image_mean: colour,
  image_std: z.tuple([z.number().positive(), z.number().positive(), z.number().positive()]),
  // What `CLIPImageProcessorFast` may do beside, and does for no picture of one size.
  do_pad: z.literal(false).nullish(),
  image_processor_type: kind,
  feature_extractor_type: kind,
})

/**
 * Fields of the processor's own resizing, cropping and scaling, and of the form of its result.
 * `StableVideoDiffusionPipeline` resizes by itself and calls the processor with all of them switched off, and with
 * normalisation on, whatever the file says.
 */
const SWITCHED_OFF = [
  'auto_map',
  'data_format',
  'default_to_square',
  'device',
  'disable_grouping',
  'do_center_crop',
  'do_convert_rgb',
  'do_normalize',
  'do_rescale',
  'do_resize',
  'image_seq_length',
  'input_data_format',
  'pad_size',
  'processor_class',
  'resample',
  'rescale_factor',
  'return_tensors',
  'size',
]

/**
 * Reads the configuration of the feature extractor: mean, deviation, and `crop_size` as the picture's size, where the
 * reference has 224 x 224 written into its code (which is SVD's `crop_size`).
 *
 * @param json the parsed file
 * @param file its name, for messages
 * @throws UserError naming the file and the field that is missing, unknown or wrong.
 */
export function parsePreprocessorConfig(json: unknown, file: string): ClipPreprocessing {
  const config = parseConfig(schema, json, 'CLIPImageProcessor', file, SWITCHED_OFF)
  return { size: config.crop_size, mean: config.image_mean, std: config.image_std }
}

/** The picture for the image encoder of a model folder: (3, height, width) of its `size`, by `media/clip-input`. */
export function clipInput(picture: Picture, { size, mean, std }: ClipPreprocessing): Float32Array {
  return clipPixels(picture, size, mean, std)
}

/**
 * The picture for the VAE: resized on 8 bits as Pillow's Lanczos does, then to [-1, 1]. The augmentation noise,
 * `noise_aug_strength` times unit normals, is the caller's to add. The aspect ratio is not kept.
 *
 * @returns (3, height, width)
 */
export function vaeInput(picture: Picture, { height, width }: Size): Float32Array {
  return toPlanes(resizeLanczos({ ...picture, count: 1 }, width, height), toSigned).data
}

/**
 * The picture for a first stage with alpha: colours times opacity, and opacity, in [0, 1]. The aspect ratio is not
 * kept.
 *
 * @returns (4, height, width)
 */
export function rgbaInput(picture: Picture, { height, width }: Size): Float32Array {
  const { data, alpha } = resizePicture(picture, width, height)
  const pixels = height * width
  const planes = new Float32Array(4 * pixels)
  for (let pixel = 0; pixel < pixels; pixel++) {
    const opacity = alpha ? alpha[pixel]! : 255
    // The picture is on white: without it, what is left are the colours times the opacity.
    for (let c = 0; c < 3; c++) planes[c * pixels + pixel] = Math.max(0, data[3 * pixel + c]! - 255 + opacity) / 255
    planes[3 * pixels + pixel] = opacity / 255
  }
  return planes
}

/**
 * What a first stage has decoded as pictures, on white.
 *
 * @param decoded (f, channels, h, w)
 * @param opaque whether the clip's picture has no transparency: of account where the first stage has alpha
 */
export function decodedFrames(
  decoded: Float32Array,
  size: Size,
  { pixels }: Pick<Autoencoder, 'pixels'>,
  opaque: boolean,
): { readonly frames: Frames; readonly alpha?: Uint8Array } {
  return pixels === 'rgb' ? { frames: toFrames(decoded, size) } : toFramesWithAlpha(decoded, size, opaque)
}

/**
 * The frames of a decoder with alpha as pictures on white, and their opacity where the clip's picture has any
 * transparency; else what opacity they lack counts as a rounding error.
 *
 * @param decoded (f, 4, h, w), colours times opacity, and opacity, about 0 to 1
 */
function toFramesWithAlpha(
  decoded: Float32Array,
  { height, width }: Size,
  opaque: boolean,
): { readonly frames: Frames; readonly alpha?: Uint8Array } {
  const pixels = height * width
  const count = decoded.length / (4 * pixels)
  const data = new Uint8ClampedArray(count * pixels * 3)
  const alpha = new Uint8ClampedArray(count * pixels)
  for (let frame = 0; frame < count; frame++)
    for (let pixel = 0; pixel < pixels; pixel++) {
      const at = frame * pixels + pixel
      const colour = (c: number) => decoded[(4 * frame + c) * pixels + pixel]!
      const opacity = wholeOpacity(colour(3))
      alpha[at] = 255 * opacity
      for (let c = 0; c < 3; c++)
        data[3 * at + c] = opaque ? (255 * colour(c)) / Math.max(opacity, 0.5) : 255 * (colour(c) + 1 - opacity)
    }
  const frames = { width, height, count, data: new Uint8Array(data.buffer) }
  return opaque ? { frames } : { frames, alpha: new Uint8Array(alpha.buffer) }
}

/** Twice the decoder's mean error of opacity: what is nearer to clear or opaque than this is so. */
const OPACITY_ERROR = 4 / 255

function wholeOpacity(made: number): number {
  if (made < OPACITY_ERROR) return 0
  return made > 1 - OPACITY_ERROR ? 1 : made
}

/**
 * The decoder's frames as pictures: clamp(x/2 + 0.5, 0, 1) in float32, times 255, rounded half to even, as
 * `VaeImageProcessor` and numpy do.
 *
 * @param decoded (f, 3, h, w), about -1 to 1
 */
export function toFrames(decoded: Float32Array, { height, width }: Size): Frames {
  const pixels = height * width
  const count = decoded.length / (3 * pixels)
  if (!Number.isInteger(count)) throw new RangeError(`${decoded.length} values are no frames of ${width}x${height}`)
  const data = new Uint8ClampedArray(decoded.length)
  for (let frame = 0, i = 0; frame < count; frame++) {
    for (let channel = 0; channel < 3; channel++) {
      for (let pixel = 0; pixel < pixels; pixel++, i++) {
        // A clamped array clamps to 0 .. 255 and rounds half to even.
        data[(frame * pixels + pixel) * 3 + channel] = Math.fround(255 * Math.fround(decoded[i]! / 2 + 0.5))
      }
    }
  }
  return { width, height, count, data: new Uint8Array(data.buffer) }
}
