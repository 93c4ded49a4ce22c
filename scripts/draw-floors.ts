// Draws the floors of scripts/floors.ts as docs/floors.svg, the picture of docs/architecture.md.
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { floorsSvg } from './floors-svg.js'

writeFileSync(fileURLToPath(new URL('../docs/floors.svg', import.meta.url)), floorsSvg())
