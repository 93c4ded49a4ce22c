// Holds one model in a thread of its own: while a network runs, a thread can do nothing else.
import type { ClipContent } from '../media/clip.js'
import type { Picture } from '../media/frames.js'
import { serve, type Answer, type Work } from '../runtime/rpc.js'
import { lineToMaker } from '../runtime/thread.node.js'
import type { AnimateOptions, EditOptions } from './image-to-video.js'
import { ImageToVideo, type PretrainedOptions } from './pretrained.node.js'

/** What opening a model is told. */
export interface OpenRequest {
  readonly model: string | undefined
  readonly options: Omit<PretrainedOptions, 'onPull'>
}

/** What making a clip is told. */
export interface AnimateRequest {
  readonly picture: Picture
  readonly asked: Omit<AnimateOptions, 'onProgress' | 'signal'>
}

/** What editing a clip is told. */
export interface EditRequest {
  readonly clip: Pick<ClipContent, 'frames' | 'fps'>
  readonly firstFrame: Picture
  readonly asked: Omit<EditOptions, 'onProgress' | 'signal'>
}

let model: ImageToVideo | undefined

function opened(): ImageToVideo {
  if (!model) throw new Error('no model is open')
  return model
}

function answerWith({ frames, alpha, fps, metadata }: ClipContent): Answer {
  const transfer = [frames.data.buffer, ...(alpha ? [alpha.buffer] : [])]
  return { value: { frames, alpha, fps, metadata } satisfies ClipContent, transfer }
}

const handlers = {
  async open({ model: which, options }: OpenRequest, { report }: Work) {
    model = await ImageToVideo.fromPretrained(which, { ...options, worker: false, onPull: report })
    return { value: model.native }
  },

  async animate({ picture, asked }: AnimateRequest, { signal, report }: Work) {
    return answerWith(await opened().animate(picture, { ...asked, signal, onProgress: report }))
  },

  async edit({ clip, firstFrame, asked }: EditRequest, { signal, report }: Work) {
    return answerWith(await opened().edit(clip, firstFrame, { ...asked, signal, onProgress: report }))
  },

  async dispose() {
    await opened().dispose()
    return { value: undefined }
  },
}

serve(handlers, lineToMaker())
