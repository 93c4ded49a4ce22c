import { createHash, timingSafeEqual } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { UserError } from '../errors.js'

/** A token as the server keeps it. */
interface Token {
  readonly name: string
  readonly digest: Buffer
}

/** The names of tokens, and their digests; a server without any asks for none. */
export class Tokens {
  private constructor(private readonly tokens: readonly Token[]) {}

  /** No token is asked for. */
  static readonly none = new Tokens([])

  /**
   * Reads a file of one token a line: its name for the log, then the token; lines with # in front are left out.
   *
   * @throws UserError when the file cannot be read, a line is none, or a name stands twice.
   */
  static async read(path: string): Promise<Tokens> {
    let text: string
    try {
      text = await readFile(path, 'utf8')
    } catch (error) {
      throw new UserError(`cannot read the tokens ${path}: ${(error as Error).message}; check --token-file`)
    }
    const tokens: Token[] = []
    for (const [index, line] of text.split('\n').entries()) {
      if (line.trim() === '' || line.startsWith('#')) continue
      const [, name, token] = /^([\w.-]{1,64})\s+(\S{16,})\s*$/.exec(line) ?? []
      if (name === undefined || token === undefined) {
        throw new UserError(
          `${path}, line ${index + 1}: give a name and a token of at least 16 characters with a space between`,
        )
      }
      if (tokens.some((other) => other.name === name)) throw new UserError(`${path}: the name ${name} stands twice`)
      tokens.push({ name, digest: digestOf(token) })
    }
    if (tokens.length === 0) throw new UserError(`${path} has no tokens; give one a line, as NAME TOKEN`)
    return new Tokens(tokens)
  }

  /** Whether a token must be given. */
  get areNeeded(): boolean {
    return this.tokens.length > 0
  }

  /** The name of the token in an `Authorization` header. Takes as long for every wrong one. */
  nameOf(header: string | undefined): string | undefined {
    const given = digestOf(/^(?:Bearer|Token) +(\S+)$/i.exec(header ?? '')?.[1] ?? '')
    let found: string | undefined
    for (const { name, digest } of this.tokens) if (timingSafeEqual(digest, given)) found = name
    return found
  }
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}
