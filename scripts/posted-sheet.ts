// Animates the 60 pictures of posted-pictures.json at a model's defaults, with one seed, and writes sheets of 12 to
// look at: would one post the clip? The silhouette is closed, the face whole, the motion seen, and nothing appears from
// nowhere.
// npx tsx scripts/posted-sheet.ts MODEL OUT
// npx tsx scripts/posted-sheet.ts --choose      writes the list anew, by its rule
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { PACKAGES_FOLDER } from '../src/data/npm-packages.node.js'
import { frameAt, type Frames } from '../src/media/frames.js'
import { writeSheet } from '../src/media/sheet.node.js'
import { ImageToVideo } from '../src/pipeline/pretrained.node.js'
import { choosePictures, POSTED_PACKAGES } from './posted-pictures.js'

const LIST = new URL('posted-pictures.json', import.meta.url)
const [PER_SHEET, FRAMES, SEED] = [12, 7, 0]

/** Frames at even distances, the first and the last among them. */
function someFrames(clip: Frames): Frames {
  const shown = Array.from({ length: FRAMES }, (_, k) =>
    frameAt(clip, Math.round((k * (clip.count - 1)) / (FRAMES - 1))),
  )
  return { ...clip, count: FRAMES, data: Buffer.concat(shown.map(({ data }) => data)) }
}

const pictures = await choosePictures(PACKAGES_FOLDER)
const names = pictures.map(({ name }) => name)
const list = {
  packages: POSTED_PACKAGES.map(({ name, version }) => `${name}@${version}`),
  pictures: names,
}
const [first, out = 'runs/posted'] = process.argv.slice(2)
if (first === '--choose') {
  await writeFile(LIST, `${JSON.stringify(list, null, 2)}\n`)
  console.log(`wrote ${names.length} names to scripts/posted-pictures.json`)
} else {
  if ((await readFile(LIST, 'utf8')) !== `${JSON.stringify(list, null, 2)}\n`)
    throw new Error('scripts/posted-pictures.json is not what its rule gives; look at the difference after --choose')
  const sfv = await ImageToVideo.fromPretrained(first ?? 'models/fluent')
  const rows: Frames[] = []
  for (const [i, { name, bytes }] of pictures.entries()) {
    const clip = await sfv.animate(await sharp(bytes).png().toBuffer(), { seed: SEED })
    rows.push(someFrames(clip.frames))
    process.stderr.write(`${i + 1}/${pictures.length} ${name}\n`)
  }
  await sfv.dispose()
  for (let start = 0; start < rows.length; start += PER_SHEET) {
    const path = join(out, `sheet-${1 + start / PER_SHEET}.png`)
    const labels = names.slice(start, start + PER_SHEET).map((name, i) => `${start + i + 1} ${name.split('/')[1]}`)
    await writeSheet(path, rows.slice(start, start + PER_SHEET), { labels })
    console.log(`wrote ${path}`)
  }
}
