/** The part of a data set that a clip belongs to. `reserved` serves neither training nor tuning. */
export type Split = 'train' | 'test' | 'reserved'

/**
 * The split of a clip whose data set names none: one name in ten is for testing, chosen by the FNV-1a hash of the name,
 * so that adding or removing clips moves no other.
 */
export function splitByName(name: string): Split {
  let hash = 0x811c9dc5
  for (const byte of new TextEncoder().encode(name)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0
  // The low bits of FNV-1a are its weakest; the remainder of the folded hash uses them all.
  return ((hash ^ (hash >>> 15)) >>> 0) % 10 === 0 ? 'test' : 'train'
}
