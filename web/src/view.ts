import type { Picture } from '../../src/web/index.js'
import type { Chosen } from './controls.js'
import type { Player } from './player.js'

/** One of the studio's tabs. */
export interface View {
  readonly element: HTMLElement
  /** What plays in it. */
  readonly player: Player
  /** Makes what it shows anew; the newest call wins. */
  update(picture: Picture, chosen: Chosen): void
}
