import { UserError } from '../errors.js'

/** What a UNet may be told besides the picture, in channels of their own after the picture's latents, in this order. */
export const CONTROL_KINDS = ['end_frame', 'motion_hints'] as const

/** A kind of control. */
export type ControlKind = (typeof CONTROL_KINDS)[number]

/** Sizes of a clip in latents. */
export interface LatentSize {
  readonly frames: number
  /** Channels of the latents. */
  readonly channels: number
  readonly height: number
  readonly width: number
}

/** Channels of each kind: the end frame's latents and whether they are known; dx, dy and whether they are known. */
const CHANNELS: Readonly<Record<ControlKind, (latents: number) => number>> = {
  end_frame: (latents) => latents + 1,
  motion_hints: () => 3,
}

/** Channels that controls add to a UNet's input, for latents of `channels`. */
export function controlChannels(kinds: readonly ControlKind[], channels: number): number {
  return kinds.reduce((total, kind) => total + CHANNELS[kind](channels), 0)
}

/**
 * The kinds of control that a UNet takes, by its channels.
 *
 * @param inChannels of the UNet: noisy latents, the picture's latents, controls
 * @param named the file and field that say so, for messages
 * @throws UserError when the channels are none that controls can have.
 */
export function controlsOf(inChannels: number, channels: number, named: string): readonly ControlKind[] {
  const extra = inChannels - 2 * channels
  const choices: readonly (readonly ControlKind[])[] = [[], ['end_frame'], ['motion_hints'], CONTROL_KINDS]
  const found = choices.find((kinds) => controlChannels(kinds, channels) === extra)
  if (found) return found
  const wanted = choices.map((kinds) => `${2 * channels + controlChannels(kinds, channels)}`)
  throw new UserError(`${named} is ${inChannels}; with latents of ${channels} channels give ${wanted.join(', ')}`)
}

/** What is known of a clip. Left out, a kind is not known. */
export interface Controls {
  /** (c, h, w): scaled latents of the last frame. */
  readonly endLatents?: Float32Array | undefined
  /**
   * (f, 3, h, w): where the material at each cell of the picture has gone by each frame, right and down in latent
   * pixels, and 1 where that is known.
   */
  readonly motionHints?: Float32Array | undefined
}

/** The controls as the UNet takes them, (f, channels, h, w); zeros for what is not known. */
export function controlValues(kinds: readonly ControlKind[], size: LatentSize, controls: Controls): Float32Array {
  const { frames, channels, height, width } = size
  const plane = height * width
  const perFrame = controlChannels(kinds, channels) * plane
  const values = new Float32Array(frames * perFrame)
  const { endLatents, motionHints } = controls
  for (let frame = 0; frame < frames; frame++) {
    let at = frame * perFrame
    for (const kind of kinds) {
      if (kind === 'end_frame' && endLatents) {
        values.set(endLatents, at)
        values.fill(1, at + channels * plane, at + (channels + 1) * plane)
      }
      if (kind === 'motion_hints' && motionHints)
        values.set(motionHints.subarray(frame * 3 * plane, (frame + 1) * 3 * plane), at)
      at += CHANNELS[kind](channels) * plane
    }
  }
  return values
}
