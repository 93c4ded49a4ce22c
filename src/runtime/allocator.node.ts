import koffi from 'koffi'

const M_MMAP_THRESHOLD = -3
const THRESHOLD = 2 ** 20
let done = false

/**
 * Has the C library give freed buffers of a megabyte and more back to the system at once. glibc, left alone, keeps
 * those of up to 32 MB and cannot use them again for aligned buffers of the same size: a network whose activations are
 * of that size would hold ten times what it needs. Where the C library is another one, nothing happens.
 */
export function returnFreedMemory(): void {
  if (done || process.platform !== 'linux') return
  done = true
  try {
    koffi.load('libc.so.6').func('int mallopt(int, int)')(M_MMAP_THRESHOLD, THRESHOLD)
  } catch {
    // musl has no such function, and no such habit.
  }
}
