import { UserError } from '../errors.js'

/** What the system answers, and what can be done about it. */
const SYSTEM: Readonly<Record<string, string>> = {
  EACCES: 'choose a place that you may read and write, or change its permissions',
  EPERM: 'choose a place that you may read and write, or change its permissions',
  EROFS: 'choose a place that can be written to',
  ENOSPC: 'make room on the disk, or choose another',
  EDQUOT: 'make room within your quota, or choose another disk',
  EFBIG: 'choose a disk that takes files of this size',
  EIO: 'check the disk',
  EMFILE: 'allow more open files (ulimit -n)',
  ENFILE: 'close other programs',
  ENOENT: 'check that it is still there',
  ENOTDIR: 'check the path: a part of it is a file',
  EISDIR: 'give a file, not a folder',
  EEXIST: 'remove what is there, or choose another name',
  ENOTEMPTY: 'remove what is there, or choose another name',
  ELOOP: 'check the symbolic links in it',
  ENAMETOOLONG: 'choose a shorter name',
  EBUSY: 'close the program that uses it',
  EXDEV: 'choose a place on the same disk',
  ENXIO: 'give a file',
  ENODEV: 'give a file',
  EINVAL: 'give a file of a kind that can be read, on a disk that can be written to',
  ESPIPE: 'give a file rather than a pipe',
  ENOMEM: 'close other programs, or take a smaller batch, fewer frames or a smaller size',
  ENOTSUP: 'choose another disk',
  ERR_INVALID_ARG_VALUE: 'give a path that the system knows',
}

/** How Node, V8 and ONNX Runtime say that there is no memory left. */
const NO_MEMORY = /bad_alloc|allocation failed|failed to allocate|out of memory|invalid (typed )?array length/i

/** What is printed of an error: one sentence. */
export function messageOf(error: unknown): string {
  if (error instanceof UserError) return error.message
  const message = error instanceof Error ? error.message.split('\n')[0]! : String(error)
  const { code } = (error ?? {}) as { code?: unknown }
  const advice = typeof code === 'string' && Object.hasOwn(SYSTEM, code) ? SYSTEM[code] : undefined
  if (advice !== undefined) return `${message}; ${advice}`
  if (NO_MEMORY.test(message))
    return `the memory does not suffice (${message}); take a smaller batch, fewer frames or a smaller size`
  return `${message} (this is a mistake in sfv; please report it with the command that you gave)`
}
