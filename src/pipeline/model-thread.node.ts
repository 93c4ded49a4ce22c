// Holds one model in a thread of its own: while a network runs, a thread can do nothing else.
import type { ClipContent } from '../media/clip.js'
import type { SendablePicture } from '../media/picture-input.node.js'
import { serve, type Answer, type Work } from '../runtime/rpc.js'
import { lineToMaker } from '../runtime/thread.node.js'
import type { EditOptions } from './image-to-video.js'
import {
  openModel,
  type ClipInput,
  type FurtherPicture,
  type NodeAnimateOptions,
  type NodeExtendOptions,
  type OpenModel,
  type PretrainedOptions,
} from './pretrained.node.js'

/** What opening a model is told. */
export interface OpenRequest {
  readonly model: string
  readonly options: Omit<PretrainedOptions, 'onPull' | 'worker'>
}

/** What making a clip is told. */
export interface AnimateRequest {
  readonly picture: SendablePicture
  readonly further: Readonly<Partial<Record<FurtherPicture, SendablePicture>>>
  readonly asked: Omit<NodeAnimateOptions, 'onProgress' | 'signal' | FurtherPicture>
}

/** What editing a clip is told. */
export interface EditRequest {
  readonly clip: ClipInput
  readonly firstFrame: SendablePicture
  readonly asked: Omit<EditOptions, 'onProgress' | 'signal'>
}

/** What extending a clip is told. */
export interface ExtendRequest {
  readonly clip: ClipInput
  readonly end: SendablePicture | undefined
  readonly asked: Omit<NodeExtendOptions, 'onProgress' | 'signal' | 'end'>
}

let model: OpenModel | undefined

function opened(): OpenModel {
  if (!model) throw new Error('no model is open')
  return model
}

function answerWith(clip: ClipContent): Answer {
  const { frames, alpha } = clip
  return { value: clip, transfer: [frames.data.buffer, ...(alpha ? [alpha.buffer] : [])] }
}

const handlers = {
  async open({ model: which, options }: OpenRequest, { report }: Work) {
    model = await openModel(which, { ...options, onPull: report })
    return { value: model.native }
  },

  async animate({ picture, further, asked }: AnimateRequest, { signal, report }: Work) {
    return answerWith(await opened().animate(picture, { ...asked, ...further, signal, onProgress: report }))
  },

  async preview({ picture, further, asked }: AnimateRequest, { signal }: Work) {
    return answerWith(await opened().preview(picture, { ...asked, ...further, signal }))
  },

  async edit({ clip, firstFrame, asked }: EditRequest, { signal, report }: Work) {
    return answerWith(await opened().edit(clip, firstFrame, { ...asked, signal, onProgress: report }))
  },

  async extend({ clip, end, asked }: ExtendRequest, { signal, report }: Work) {
    const options = { ...asked, ...(end !== undefined && { end }), signal, onProgress: report }
    return answerWith(await opened().extend(clip, options))
  },

  async dispose() {
    await opened().dispose()
    return { value: undefined }
  },
}

serve(handlers, lineToMaker())
