import { nodeEngine } from '../../src/runtime/engine.node.js'
import type { ModelSource } from '../../src/svd/model-source.js'
import { Model } from '../../src/svd/model.js'
import { openModelFolder } from '../../src/svd/model-folder.node.js'
import type { Picture } from '../../src/media/frames.js'
import { fixturePath, readFixture, tensorOf } from '../support/fixture.js'

/** The folder of the reference's tiny pipeline. */
export const TINY = fixturePath('pipeline-tiny')

/** Its picture's file, 64x64. */
export const TINY_PICTURE = fixturePath('pipeline-tiny/image.png')

const fixture = readFixture('pipeline-tiny/case.safetensors.gz')

/** What the reference pipeline was given or gave, by name. */
export function reference(name: string): Float32Array {
  return tensorOf(fixture, name).data as Float32Array
}

/** The pixels of the tiny picture. */
export const picture: Picture = { width: 64, height: 64, data: tensorOf(fixture, 'in.image').data as Uint8Array }

/** The files of the tiny pipeline. */
export function tinySource(): Promise<ModelSource> {
  return openModelFolder(TINY)
}

/** The tiny pipeline on the CPU. */
export async function tinyModel(): Promise<Model> {
  return new Model(await tinySource(), nodeEngine({ threads: 1 }))
}
