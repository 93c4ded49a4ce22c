import { expect, it } from 'vitest'
import type { Frames } from '../../src/media/frames.js'
import { unmixWhite, whiteAlpha } from '../../src/media/key-white.js'

const SIDE = 40
const RED = [200, 30, 20] as const

/** A soft red ring on white; `opacity` tells what it was made with. */
function ring(): { frames: Frames; opacity: Float32Array } {
  const opacity = new Float32Array(SIDE * SIDE)
  const data = new Uint8Array(SIDE * SIDE * 3)
  for (let i = 0; i < opacity.length; i++) {
    const radius = Math.hypot((i % SIDE) - 19.5, Math.floor(i / SIDE) - 19.5)
    opacity[i] = Math.min(1, Math.max(0, 14.5 - radius)) * Math.min(1, Math.max(0, radius - 5))
    RED.forEach((value, channel) => (data[i * 3 + channel] = 255 + opacity[i]! * (value - 255)))
  }
  return { frames: { width: SIDE, height: SIDE, count: 1, data }, opacity }
}

it('finds the opacity of a soft edge, and leaves white inside a figure alone', () => {
  const { frames, opacity } = ring()
  const alpha = whiteAlpha(frames)
  const inHole = 20 * SIDE + 20
  expect(alpha[0]).toBe(0)
  expect(alpha[inHole]).toBe(255)
  for (let i = 0; i < opacity.length; i++) {
    const radius = Math.hypot((i % SIDE) - 19.5, Math.floor(i / SIDE) - 19.5)
    if (radius > 8) expect(Math.abs(alpha[i]! / 255 - opacity[i]!)).toBeLessThan(0.08)
  }
})

it('gives back the figure without the white', () => {
  const { frames } = ring()
  const alpha = whiteAlpha(frames)
  const { data } = unmixWhite(frames, alpha)
  for (let i = 0; i < alpha.length; i++) {
    const radius = Math.hypot((i % SIDE) - 19.5, Math.floor(i / SIDE) - 19.5)
    if (radius < 9 || alpha[i]! < 64) continue
    RED.forEach((value, channel) => expect(Math.abs(data[i * 3 + channel]! - value)).toBeLessThan(24))
  }
})
