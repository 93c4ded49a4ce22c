import { concatenated } from '../runtime/concatenated.js'

/** How the frames of a clip are cut for the decoder: all chunks of `chunk` frames, but the last may be shorter. */
export function chunkSizes(frames: number, chunk: number): number[] {
  return Array.from({ length: Math.ceil(frames / chunk) }, (_, i) => Math.min(chunk, frames - i * chunk))
}

/**
 * Decodes clean latents chunk by chunk, as `StableVideoDiffusionPipeline.decode_latents` does: the temporal decoder
 * sees the frames of a chunk together and knows nothing of the others.
 *
 * @param latents (f, c, h, w), still scaled
 * @param chunks how many frames each chunk has, f together
 * @param decode decodes one chunk: (frames, c, h, w) to (frames, 3, H, W)
 * @param onChunk is told how many chunks are done
 * @returns (f, 3, H, W), about [-1, 1], not clamped
 */
export async function decodeLatents(
  latents: Float32Array,
  scalingFactor: number,
  chunks: readonly number[],
  decode: (frames: number, latents: Float32Array) => Promise<Float32Array>,
  onChunk?: (done: number) => void,
): Promise<Float32Array> {
  const unscaled = latents.map((value) => value / scalingFactor)
  const perFrame = latents.length / chunks.reduce((sum, frames) => sum + frames, 0)
  const decoded: Float32Array[] = []
  let start = 0
  for (const frames of chunks) {
    const end = start + frames * perFrame
    decoded.push(await decode(frames, unscaled.subarray(start, end)))
    start = end
    onChunk?.(decoded.length)
  }
  return decoded.length === 1 ? decoded[0]! : concatenated(decoded)
}
