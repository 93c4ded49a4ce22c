/** A file of a storage. */
export interface Stored {
  /** Bytes. */
  readonly size: number
  readonly body: ReadableStream<Uint8Array>
}

/** Where pictures and clips lie. Each is named by what it is made of, so that it never changes. */
export interface Storage {
  /** Whether there is a file of this name. */
  has(name: string): Promise<boolean>
  /** A file; undefined when there is none. */
  read(name: string): Promise<Stored | undefined>
  /** Keeps bytes under a name, seen whole or not at all, unless there are some: the first ones stay. */
  keep(name: string, bytes: Uint8Array): Promise<void>
  /** Removes a file, if there is one. */
  remove(name: string): Promise<void>
}

/**
 * Opens a storage.
 *
 * @param place a folder, or `s3://BUCKET/PREFIX`
 * @throws UserError when it cannot be used.
 */
export async function openStorage(place: string): Promise<Storage> {
  if (!place.startsWith('s3:')) return (await import('./folder-storage.js')).FolderStorage.open(place)
  return (await import('./bucket-storage.js')).BucketStorage.open(place)
}
