import { sendablePicture, type PictureInput } from '../media/picture-input.node.js'
import { startThread } from '../runtime/thread.node.js'
import { checkMoving } from './image-to-video.js'
import type { AnimateRequest, EditRequest, ExtendRequest, OpenRequest } from './model-thread.node.js'
import {
  FURTHER_PICTURES,
  type ClipInput,
  type NodeAnimateOptions,
  type OpenModel,
  type PretrainedOptions,
} from './pretrained.node.js'

/**
 * Opens a model in a thread of its own, which also reads its pictures. Requests are sent in the order of the calls,
 * whichever picture's stream ends first.
 *
 * @throws UserError as `fromPretrained` does; a plain Error where the thread fails.
 */
export async function openInThread(
  model: string,
  { onPull, ...options }: Omit<PretrainedOptions, 'worker'>,
): Promise<OpenModel> {
  const thread = startThread('pipeline/model-thread.node')
  const request: OpenRequest = { model, options }
  const native = await thread
    .call<OpenModel['native']>('open', request, { onProgress: onPull })
    .catch((error: unknown) => {
      thread.terminate()
      throw error
    })
  let turn: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(reading: Promise<T>): Promise<T> => {
    const sent = Promise.allSettled([turn, reading]).then(() => reading)
    turn = sent.catch(() => undefined)
    return sent
  }
  return {
    native,
    async animate(image, { onProgress, signal, ...asked }) {
      const request = await inTurn(requestOf(image, asked))
      return thread.call('animate', request, { signal, onProgress })
    },
    async preview(image, { onProgress: _, signal, ...asked }) {
      return thread.call('preview', await requestOf(image, asked), { signal })
    },
    async edit(clip, firstFrame, { onProgress, signal, ...asked }) {
      const picture = await inTurn(sendablePicture(firstFrame))
      const request: EditRequest = { clip: sendableClip(clip), firstFrame: picture, asked }
      return thread.call('edit', request, { signal, onProgress })
    },
    async extend(clip, { onProgress, signal, end, ...asked }) {
      const picture = await inTurn(end === undefined ? Promise.resolve(undefined) : sendablePicture(end))
      const request: ExtendRequest = { clip: sendableClip(clip), end: picture, asked }
      return thread.call('extend', request, { signal, onProgress })
    },
    async dispose() {
      await turn
      if (thread.ended) return
      await thread.call('dispose', undefined)
      thread.terminate()
    },
  }
}

/** What is sent of a clip. */
function sendableClip(clip: ClipInput): ClipInput {
  if (typeof clip === 'string') return clip
  checkMoving(clip)
  return { frames: clip.frames, alpha: clip.alpha, fps: clip.fps }
}

/** What is sent of a picture and of the further ones among the options. */
async function requestOf(
  image: PictureInput,
  { end, still, moving, ...asked }: Omit<NodeAnimateOptions, 'onProgress' | 'signal'>,
): Promise<AnimateRequest> {
  const further = { end, still, moving }
  const sent = FURTHER_PICTURES.map(async (name) => {
    const input = further[name]
    return input === undefined ? [] : [[name, await sendablePicture(input)] as const]
  })
  const [picture, ...rest] = await Promise.all([sendablePicture(image), ...sent])
  return { picture, further: Object.fromEntries(rest.flat()), asked }
}
