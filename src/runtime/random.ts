import { UserError } from '../errors.js'
import { philox } from './philox.js'
import { portableCosSin, portableLog } from './portable-math.js'

/** Where a `Random` stands, as JSON: to go on from it after a restart. */
export interface RandomState {
  /** The seed in decimal: it may need all of 64 bits. */
  readonly seed: string
  readonly stream: number | string
  /** How many numbers were drawn. */
  readonly position: number
}

const TWO_64 = 1n << 64n

/**
 * Seedable random numbers by counter: number p of stream s under a seed is a function of (seed, s, p) alone, the same
 * in Node and in every browser, bit for bit. So sample i takes stream i, whatever the batch, worker or backend.
 *
 * The words of number p come from block floor(p / 2) of Philox4x32-10 with the seed as key and the counter
 * (block low, block high, stream low, stream high); each block serves two numbers. The top bit of the second word tells
 * normals from uniforms, so that the two never share bits.
 */
export class Random {
  readonly #seed: bigint
  readonly #stream: number | string
  readonly #key: Uint32Array
  readonly #streamWords: readonly [number, number]
  readonly #words = new Uint32Array(4)
  #position = 0

  /**
   * @param seed a whole number from 0 to 2^64 - 1
   * @param stream which of the independent sequences of that seed: a whole number (a sample's index) or a name
   * @throws UserError when the seed is out of range.
   */
  constructor(seed: number | bigint, stream: number | string = 0) {
    if (typeof seed === 'number' ? !Number.isSafeInteger(seed) || seed < 0 : seed < 0n || seed >= TWO_64)
      throw new UserError(`seed ${seed} is not a whole number from 0 to 2^53 - 1 (2^64 - 1 as a bigint); choose one`)
    this.#seed = BigInt(seed)
    this.#stream = stream
    this.#key = Uint32Array.of(Number(this.#seed & 0xffffffffn), Number(this.#seed >> 32n))
    this.#streamWords = typeof stream === 'number' ? numberedStream(stream) : namedStream(stream)
  }

  /** A generator that goes on where `save` was called. */
  static restore(state: RandomState): Random {
    const random = new Random(BigInt(state.seed), state.stream)
    random.#position = state.position
    return random
  }

  /** Where this generator stands. */
  save(): RandomState {
    return { seed: String(this.#seed), stream: this.#stream, position: this.#position }
  }

  /** A double in [0, 1), a multiple of 2^-53. */
  uniform(): number {
    const position = this.#position++
    this.#block(position, 0)
    return this.#double((position % 2) * 2)
  }

  /** A whole number in 0 .. n - 1, for n up to 2^32; no value is likelier than another by more than n / 2^53. */
  integer(n: number): number {
    return Math.floor(this.uniform() * n)
  }

  /** `n` float32 numbers of mean 0 and variance 1, by the polar angles of Box and Muller (1958) in doubles. */
  normals(n: number): Float32Array {
    const out = new Float32Array(n)
    const end = this.#position + n
    for (
      let first = this.#position - (this.#position % 2), i = first - this.#position;
      first < end;
      first += 2, i += 2
    ) {
      this.#block(first, 0x80000000)
      const radius = Math.sqrt(-2 * portableLog(1 - this.#double(0)))
      const [cosine, sine] = portableCosSin(this.#double(2))
      if (i >= 0) out[i] = radius * cosine
      if (i + 1 < n) out[i + 1] = radius * sine
    }
    this.#position = end
    return out
  }

  /** Fills the words with the block that holds number `position` of a family of numbers. */
  #block(position: number, family: number): void {
    const block = Math.floor(position / 2)
    this.#words[0] = block % 2 ** 32
    this.#words[1] = Math.floor(block / 2 ** 32) + family
    this.#words[2] = this.#streamWords[0]
    this.#words[3] = this.#streamWords[1]
    philox(this.#words, this.#key, this.#words)
  }

  /** 53 bits of two words as a double in [0, 1). */
  #double(word: number): number {
    return ((this.#words[word]! >>> 5) * 2 ** 26 + (this.#words[word + 1]! >>> 6)) / 2 ** 53
  }
}

function numberedStream(stream: number): [number, number] {
  if (!Number.isSafeInteger(stream) || stream < 0) throw new RangeError(`stream ${stream} is not a whole number`)
  return [stream % 2 ** 32, Math.floor(stream / 2 ** 32)]
}

/** FNV-1a, 64 bits, over the UTF-8 bytes, its top bit set so that no name meets a number. */
function namedStream(name: string): [number, number] {
  let hash = 0xcbf29ce484222325n
  for (const byte of new TextEncoder().encode(name)) hash = ((hash ^ BigInt(byte)) * 0x100000001b3n) % TWO_64
  return [Number(hash & 0xffffffffn), (Number(hash >> 32n) | 0x80000000) >>> 0]
}
