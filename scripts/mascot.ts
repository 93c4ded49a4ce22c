import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { encodeWebp } from '../src/media/encode/webp.node.js'

/** Frames of a clip, at `FPS` a second: two seconds. */
const FRAMES = 28
const FPS = 14
/** Side of the drawings, in the units of the SVG. */
const SIDE = 256
/** Of the mascot, so that it has room to jump. */
const SIZE = 0.85

/** How the mascot stands: lengths in units of the drawing, angles in degrees, clockwise. */
interface Pose {
  readonly x: number
  readonly y: number
  /** Height over rest; the width changes the other way. */
  readonly stretch: number
  readonly tilt: number
  readonly leftArm: number
  readonly rightArm: number
  /** Where the eyes look, -1 to 1. */
  readonly gaze: number
  /** 1 is open, 0 closed. */
  readonly eyes: number
  /** How far the mouth is open, 0 to 1. */
  readonly mouth: number
  readonly antenna: number
}

const REST: Pose = {
  x: 0,
  y: 0,
  stretch: 1,
  tilt: 0,
  leftArm: 30,
  rightArm: -30,
  gaze: 0,
  eyes: 1,
  mouth: 0.15,
  antenna: 0,
}

const TURN = 2 * Math.PI
const wave = (t: number, times = 1) => Math.sin(TURN * times * t)
/** 0 at both ends of the clip, 1 in the middle. */
const arch = (t: number, times = 1) => (1 - Math.cos(TURN * times * t)) / 2

/**
 * The mascot's movements: what changes against rest at time `t` from 0 to 1, by strength `s` around 1; each leads back
 * to its start.
 */
const MOVES: Readonly<Record<string, (t: number, s: number) => Partial<Pose>>> = {
  wave: (t, s) => ({
    rightArm: -30 - arch(t) * (95 + 25 * s * wave(t, 3)),
    tilt: 4 * arch(t),
    mouth: 0.15 + 0.5 * arch(t),
  }),
  jump: (t, s) => ({
    y: -34 * s * Math.max(0, wave(t, 2)),
    stretch: 1 + 0.14 * wave(t, 2),
    leftArm: 30 + 60 * Math.max(0, wave(t, 2)),
    rightArm: -30 - 60 * Math.max(0, wave(t, 2)),
    mouth: 0.15 + 0.6 * Math.max(0, wave(t, 2)),
  }),
  look: (t, s) => ({ gaze: wave(t) * Math.min(1, s), tilt: 5 * s * wave(t), antenna: -12 * wave(t) }),
  blink: (t, s) => ({ eyes: 1 - Math.exp(-((((t * 2) % 1) - 0.5) ** 2) / 0.01), y: 3 * s * wave(t) }),
  nod: (t, s) => ({ y: 9 * s * arch(t, 3), stretch: 1 - 0.07 * s * arch(t, 3), antenna: 8 * wave(t, 3) }),
  rock: (t, s) => ({ tilt: 15 * s * wave(t, 2), x: 8 * s * wave(t, 2), antenna: -18 * s * wave(t, 2) }),
  talk: (t, s) => ({
    mouth: 0.15 + 0.7 * s * Math.abs(wave(t, 3)),
    tilt: 3 * wave(t),
    rightArm: -30 - 25 * arch(t, 2),
  }),
  cheer: (t, s) => ({
    leftArm: 30 + 100 * arch(t) + 14 * s * wave(t, 4) * arch(t),
    rightArm: -30 - 100 * arch(t) + 14 * s * wave(t, 4) * arch(t),
    mouth: 0.15 + 0.7 * arch(t),
    y: -10 * s * arch(t, 4),
  }),
  walk: (t, s) => ({ x: 30 * s * wave(t), y: -8 * arch(t, 4), tilt: 6 * wave(t, 2), gaze: 0.7 * wave(t + 0.25) }),
  breathe: (t, s) => ({
    stretch: 1 + 0.06 * s * wave(t, 2),
    leftArm: 30 + 6 * wave(t, 2),
    rightArm: -30 - 6 * wave(t, 2),
  }),
}

/** The mascot, a little robot on a transparent ground, as SVG. */
function drawing(pose: Pose): string {
  const { x, y, stretch, tilt, leftArm, rightArm, gaze, eyes, mouth, antenna } = pose
  const arm = (side: number, angle: number) =>
    `<g transform="translate(${128 + 58 * side} 140) rotate(${angle})"><rect x="-9" y="-2" width="18" height="56" rx="9" fill="#e8743b"/><circle cy="54" r="12" fill="#f6b26b"/></g>`
  const eye = (side: number) =>
    `<ellipse cx="${128 + 24 * side + 7 * gaze}" cy="118" rx="10" ry="${Math.max(1.5, 14 * eyes)}" fill="#1d2b53"/>` +
    (eyes > 0.5 ? `<circle cx="${131 + 24 * side + 9 * gaze}" cy="113" r="3.5" fill="#fff"/>` : '')
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${SIDE}" height="${SIDE}" viewBox="0 0 ${SIDE} ${SIDE}">
<g transform="translate(${x} ${y})"><g transform="translate(128 216) rotate(${tilt}) scale(${SIZE * (2 - stretch)} ${SIZE * stretch}) translate(-128 -216)">
<ellipse cx="102" cy="210" rx="20" ry="12" fill="#b8501f"/><ellipse cx="154" cy="210" rx="20" ry="12" fill="#b8501f"/>
<g transform="rotate(${antenna} 128 62)"><rect x="125" y="28" width="6" height="36" fill="#b8501f"/><circle cx="128" cy="26" r="11" fill="#ffd23f"/></g>
${arm(-1, leftArm)}${arm(1, rightArm)}
<rect x="66" y="58" width="124" height="148" rx="52" fill="#f08a4b"/>
<rect x="82" y="84" width="92" height="70" rx="32" fill="#fdf0d5"/>
${eye(-1)}${eye(1)}
<ellipse cx="${128 + 4 * gaze}" cy="141" rx="13" ry="${2 + 9 * mouth}" fill="#8c2f39"/>
<path d="M128 190 l-13 -13 a8 8 0 0 1 13 -9 a8 8 0 0 1 13 9 z" fill="#ffd23f"/>
</g></g></svg>`
}

/** The mascot at rest, as a PNG on a transparent ground. */
export function mascotPicture(): Promise<Buffer> {
  return sharp(Buffer.from(drawing(REST)))
    .png()
    .toBuffer()
}

/**
 * Draws `count` clips of a mascot into a folder: animated WebPs of 256x256 pixels on white, two seconds at 14 pictures
 * a second. Each shows one of ten movements, and every ten clips these are a little stronger.
 */
export async function drawMascotClips(folder: string, count: number): Promise<void> {
  await mkdir(folder, { recursive: true })
  const names = Object.keys(MOVES)
  for (let i = 0; i < count; i++) {
    const name = names[i % names.length]!
    const strength = 0.8 + 0.35 * Math.floor(i / names.length)
    const data = new Uint8Array(FRAMES * 3 * SIDE * SIDE)
    for (let f = 0; f < FRAMES; f++) {
      const svg = Buffer.from(drawing({ ...REST, ...MOVES[name]!(f / FRAMES, strength) }))
      data.set(await sharp(svg).flatten({ background: '#fff' }).raw().toBuffer(), f * 3 * SIDE * SIDE)
    }
    const frames = { width: SIDE, height: SIDE, count: FRAMES, data }
    const number = 1 + Math.floor(i / names.length)
    await writeFile(join(folder, `${name}-${number}.webp`), await encodeWebp({ frames, fps: FPS, metadata: {} }))
  }
}
