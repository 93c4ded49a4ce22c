/** Draws the twenty clips and the picture that docs/own-clips.md trains with: `tsx scripts/draw-mascot.ts FOLDER`. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { drawMascotClips, mascotPicture } from './mascot.js'

const folder = process.argv[2] ?? 'mascot'
await drawMascotClips(join(folder, 'clips'), 20)
await writeFile(join(folder, 'mascot.png'), await mascotPicture())
