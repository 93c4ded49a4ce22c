import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { buildFolder } from '../../src/data/folder.node.js'
import { ClipStore } from '../../src/data/store.node.js'
import { decodeClip } from '../../src/media/decode.node.js'
import { pictureOf } from '../../src/media/picture-input.node.js'
import { ImageToVideo } from '../../src/pipeline/pretrained.node.js'
import { expectedView, FORMATS, orientedFile, viewOf } from '../support/oriented.js'
import { TINY } from '../pipeline/tiny.js'
import { newFolder } from './support.js'

/** Both sides are even and unlike enough that a turned picture shows in its size. */
const side = fc.integer({ min: 12, max: 40 }).map((half) => 2 * half)

it('every orientation of every format is turned upright for animate, edit and data', async () => {
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...FORMATS), fc.integer({ min: 1, max: 8 }), side, side, async (...of) => {
      const [format, orientation, width, height] = of
      const file = await orientedFile(format, orientation, width, height)
      const expected = expectedView(orientation, width, height)
      // `animate` and `edit` take their pictures through `pictureOf`.
      expect(viewOf(await pictureOf(file))).toEqual(expected)
      const folder = newFolder()
      writeFileSync(join(folder, `picture.${format}`), file)
      expect(viewOf((await decodeClip(join(folder, `picture.${format}`))).frames)).toEqual(expected)
      const size = { width: expected.width, height: expected.height }
      await buildFolder({ folder, out: join(folder, 'store'), size, fps: 7 })
      const store = await ClipStore.open(join(folder, 'store'), ['train', 'test'])
      expect(viewOf(await store.clip(0, 0, 1))).toEqual(expected)
      await store.close()
    }),
    {
      numRuns: 60,
      examples: FORMATS.flatMap((format) => [...Array(8).keys()].map((o) => [format, o + 1, 48, 32])) as [
        (typeof FORMATS)[number],
        number,
        number,
        number,
      ][],
    },
  )
})

it('animate and edit make the same clip of a turned picture as of its pixels upright', async () => {
  const model = await ImageToVideo.fromPretrained(TINY, { threads: 1 })
  const file = await orientedFile('webp', 6, 48, 32)
  const upright = await pictureOf(file)
  const options = { frames: 2, width: 32, height: 32, seed: 3 }
  const clip = await model.animate(upright, options)
  expect((await model.animate(new Blob([file]), options)).frames).toEqual(clip.frames)
  const edited = await model.edit(clip, upright, options)
  expect((await model.edit(clip, file, options)).frames).toEqual(edited.frames)
  await model.dispose()
})
