import { UserError } from '../errors.js'
import { MANIFEST, parseManifest, sha256, type Manifest } from './manifest.js'

/** How far a download is. */
export interface DownloadProgress {
  /** The file's path in the model. */
  readonly file: string
  /** Bytes that have come, of all files of the download. */
  readonly loaded: number
  /** Bytes of all files of the download. */
  readonly total: number
}

/** What a download may be told. */
export interface DownloadOptions {
  readonly onDownload?: ((progress: DownloadProgress) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

const CACHE = 'sfv-models'
/** Shares that progress is told in, at most. */
const TOLD_TIMES = 200

/**
 * The files of a model on a server. What was fetched once is kept in the browser's Cache Storage under its SHA-256 and
 * checked against it each time it is read, so that a damaged file is fetched again, a changed one is noticed, and an
 * equal one of another model is shared.
 */
export class ModelFiles {
  readonly #read = new Map<string, Promise<Uint8Array<ArrayBuffer>>>()
  /** Paths whose files the browser's storage has. */
  readonly #stored = new Set<string>()

  private constructor(
    /** The address of the model's folder, with a slash at its end. */
    readonly url: string,
    readonly manifest: Manifest,
    /** Files of the user's own device, by their paths. */
    private readonly own?: ReadonlyMap<string, Blob>,
  ) {}

  /** The files of a model on the user's own device: they are read when they are wanted, and copied nowhere. */
  static ofOwn(own: ReadonlyMap<string, Blob>): ModelFiles {
    const files = Object.fromEntries([...own].map(([path, { size }]) => [path, { bytes: size, sha256: '' }]))
    return new ModelFiles('', { format: 'sfv-manifest-1', files }, own)
  }

  /**
   * Reads the manifest of a model: from the server, or where that cannot be reached, from the last time.
   *
   * @param url of the folder that holds `manifest.json`
   * @throws UserError when there is no manifest or it is damaged.
   */
  static async open(url: string, { signal }: DownloadOptions = {}): Promise<ModelFiles> {
    if (!globalThis.crypto.subtle) throw new UserError(`${location.origin} is not secure; open the page over https`)
    const folder = new URL(url.endsWith('/') ? url : `${url}/`, location.href).href
    const address = `${folder}${MANIFEST}`
    const cache = await openCache()
    const response = await fetch(address, { cache: 'no-cache', ...(signal ? { signal } : {}) }).catch(
      (error: unknown) => {
        signal?.throwIfAborted()
        return error as Error
      },
    )
    const reachable = response instanceof Response
    if (reachable && !response.ok) {
      throw new UserError(
        `cannot open ${address}: the server answers ${response.status}; write it with \`sfv manifest\``,
      )
    }
    const kept = reachable ? response : await cache?.match(address).catch(() => undefined)
    if (!kept) throw new UserError(`cannot reach ${address}; check the address and the connection`)
    if (reachable) await cache?.put(address, response.clone()).catch(() => undefined)
    return new ModelFiles(folder, parseManifest(new Uint8Array(await kept.arrayBuffer()), address))
  }

  /** The paths that lie in a component's folder. */
  filesOf(component: string): string[] {
    return Object.keys(this.manifest.files).filter((path) => path.startsWith(`${component}/`))
  }

  /**
   * The bytes of a file; they stay in memory until `release`.
   *
   * @throws UserError when it cannot be fetched, or what came is not what the manifest says.
   */
  async read(path: string, options?: DownloadOptions): Promise<Uint8Array<ArrayBuffer>> {
    const [bytes] = await this.readAll([path], options)
    return bytes!
  }

  /** The bytes of several files, with one progress for all. */
  async readAll(paths: readonly string[], options: DownloadOptions = {}): Promise<Uint8Array<ArrayBuffer>[]> {
    const total = paths.reduce((sum, path) => sum + this.#entry(path).bytes, 0)
    let loaded = 0
    let told = 0
    return Promise.all(
      paths.map((path) => {
        const onBytes = (count: number) => {
          loaded += count
          if (loaded < total && loaded - told < total / TOLD_TIMES) return
          told = loaded
          options.onDownload?.({ file: path, loaded, total })
        }
        const known = this.#read.get(path)
        const reading = known ?? this.#load(path, onBytes, options.signal)
        if (known) onBytes(this.#entry(path).bytes)
        this.#read.set(path, reading)
        // What failed is tried again the next time.
        reading.catch(() => this.#read.delete(path))
        return reading
      }),
    )
  }

  /** Lets go of the bytes in memory, of files that the browser's storage has. They are read from there when they are wanted again. */
  release(): void {
    for (const path of this.#stored) this.#read.delete(path)
  }

  #entry(path: string): Manifest['files'][string] {
    const entry = this.manifest.files[path]
    if (entry) return entry
    if (this.own) throw new UserError(`the model has no file ${path}; give the whole folder`)
    throw new UserError(`${this.url}${MANIFEST} does not list ${path}; write it anew with \`sfv manifest\``)
  }

  async #load(path: string, onBytes: (count: number) => void, signal?: AbortSignal) {
    const { bytes: size, sha256: expected } = this.#entry(path)
    const own = this.own?.get(path)
    if (own) {
      this.#stored.add(path)
      onBytes(size)
      return new Uint8Array(await own.arrayBuffer())
    }
    const key = `${location.origin}/.sfv-models/${expected}`
    const cache = await openCache()
    // A storage that cannot be read costs the download alone.
    const kept = await cache
      ?.match(key)
      .then((response) => response?.arrayBuffer())
      .catch(() => undefined)
    if (kept) {
      const bytes = new Uint8Array(kept)
      if ((await sha256(bytes)) === expected) {
        onBytes(size)
        this.#stored.add(path)
        return bytes
      }
      this.#stored.delete(path)
      await cache?.delete(key).catch(() => undefined)
    }
    const bytes = await download(`${this.url}${path}`, size, onBytes, signal)
    if (bytes.length !== size || (await sha256(bytes)) !== expected) {
      throw new UserError(
        `${this.url}${path} came damaged: its SHA-256 is not that of ${MANIFEST}; reload the page to fetch it again`,
      )
    }
    // Without room in the storage the model still works; it is fetched again the next time.
    await cache
      ?.put(key, new Response(bytes, { headers: { 'content-length': `${size}` } }))
      .then(() => this.#stored.add(path))
      .catch(() => undefined)
    return bytes
  }
}

/** The storage of models; undefined where the browser refuses it. */
async function openCache(): Promise<Cache | undefined> {
  return globalThis.caches?.open(CACHE).catch(() => undefined)
}

async function download(
  url: string,
  size: number,
  onBytes: (count: number) => void,
  signal?: AbortSignal,
): Promise<Uint8Array<ArrayBuffer>> {
  try {
    const response = await fetch(url, signal ? { signal } : {})
    if (!response.ok) throw new UserError(`cannot fetch ${url}: the server answers ${response.status}; check the model`)
    const bytes = new Uint8Array(size)
    let at = 0
    for (const reader = response.body!.getReader(); ;) {
      const { done, value } = await reader.read()
      if (done) return at === size ? bytes : bytes.slice(0, at)
      if (at + value.length > size) {
        await reader.cancel()
        throw new UserError(`${url} is longer than ${MANIFEST} says; write the manifest anew with \`sfv manifest\``)
      }
      bytes.set(value, at)
      at += value.length
      onBytes(value.length)
    }
  } catch (error) {
    signal?.throwIfAborted()
    if (error instanceof UserError) throw error
    throw new UserError(`cannot fetch ${url}: ${(error as Error).message}; check the connection and try again`)
  }
}
