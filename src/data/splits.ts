/** The part of a data set that a clip belongs to. `reserved` serves neither training nor tuning. */
export type Split = 'train' | 'test' | 'reserved'

/** The share of clips that is for testing unless told. */
export const TEST_SHARE = 0.1

/**
 * The split of a clip whose data set names none: about `share` of the names are for testing, chosen by the FNV-1a hash
 * of the name, so that adding or removing clips moves no other. A larger share adds clips to the test split and takes
 * none from it.
 */
export function splitByName(name: string, share = TEST_SHARE): Split {
  let hash = 0x811c9dc5
  for (const byte of new TextEncoder().encode(name)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0
  // The low bits of FNV-1a are its weakest; the remainder of the folded hash uses them all.
  const folded = (hash ^ (hash >>> 15)) >>> 0
  // The last digit decides first: at a tenth, those whose last digit is 0 are for testing.
  const place = (folded % 10) / 10 + (Math.floor(folded / 10) % 1000) / 10_000
  return place < share ? 'test' : 'train'
}
