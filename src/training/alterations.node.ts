import { type ClipStore } from '../data/store.node.js'
import { type Frames } from '../media/frames.js'
import { type Random } from '../runtime/random.js'
import { CHANNEL_ORDERS, fromPlanar, toPlanar } from './pixels.js'

const [MIRRORED, OTHER_COLOURS, OTHER_GROUND] = [0.5, 0.25, 0.25]

/**
 * Frames `start` to `start + count - 1` of a clip, altered at random into what might as well have been drawn: mirrored, with
 * red, green and blue exchanged, on a ground of any colour (where the store knows what is see-through).
 */
export async function alteredClip(
  store: ClipStore,
  clip: number,
  start: number,
  count: number,
  random: Random,
): Promise<Frames> {
  const mirror = random.uniform() < MIRRORED
  const channels = CHANNEL_ORDERS[random.uniform() < OTHER_COLOURS ? random.integer(CHANNEL_ORDERS.length) : 0]!
  const level = () => random.integer(256)
  const ground = random.uniform() < OTHER_GROUND ? ([level(), level(), level()] as const) : undefined
  const frames = await store.clip(clip, start, count, ground)
  return fromPlanar(toPlanar(frames, { mirror, channels }), frames.width, frames.height)
}
