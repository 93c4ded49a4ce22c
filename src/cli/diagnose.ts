import { spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readFile, rm, stat, statfs, writeFile } from 'node:fs/promises'
import { availableParallelism, cpus, freemem, totalmem } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { env } from 'onnxruntime-node'
import { cacheFolder } from '../runtime/cache-folder.node.js'
import { bytesIn } from '../runtime/files.node.js'
import type { Device } from '../runtime/device-names.js'
import { hasCudaProvider, knownDevices } from '../runtime/devices.node.js'
import { findMpiLibrary } from '../runtime/mpi.node.js'
import { vulkanAdapters } from '../runtime/vulkan.node.js'
import { hubAccess, isOffline } from '../weights/hub-access.node.js'
import { messageOf } from './messages.js'
import type { DeviceReport } from './probe-device.js'

/** One thing that a machine has, or has not. */
export interface Finding {
  readonly topic: string
  /** `missing` is what sfv does without; `broken` what it needs. */
  readonly state: 'ok' | 'missing' | 'broken'
  readonly says: string
  /** What to do about it. */
  readonly fix?: string
  /** The same in numbers, for programs. */
  readonly facts?: Readonly<Record<string, unknown>>
}

/** How long a device may take to show that it runs. */
const PATIENCE_MS = 60_000
const OLDEST_NODE = 20
const INSTRUCTIONS = ['avx2', 'avx512f', 'avx512_vnni', 'avx512_bf16', 'amx_tile', 'asimd', 'sve']

const ok = (topic: string, says: string, facts?: Finding['facts']): Finding => ({
  topic,
  state: 'ok',
  says,
  ...(facts && { facts }),
})
const missing = (topic: string, says: string, fix: string): Finding => ({ topic, state: 'missing', says, fix })
const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`

/** Looks at everything that sfv uses, in the order in which it is told. */
export async function diagnose(onTopic: (topic: string) => void = () => undefined): Promise<Finding[]> {
  const looks: readonly [string, () => Finding | Promise<Finding>][] = [
    ['Node', node],
    ['processor', processor],
    ['memory', memory],
    ['ONNX Runtime', runtime],
    ['cpu', () => device('cpu')],
    ['webgpu', webgpu],
    ['cuda', cuda],
    ['coreml', () => device('coreml')],
    ['dml', () => device('dml')],
    ['cache', cache],
    ['model hub', hub],
    ['MPI', mpi],
    ['reading videos', ffmpeg],
  ]
  const known = new Set<string>(['webgpu', 'cuda', ...knownDevices()])
  const findings: Finding[] = []
  for (const [topic, look] of looks) {
    if ((topic === 'coreml' || topic === 'dml') && !known.has(topic)) continue
    onTopic(topic)
    findings.push(await look())
  }
  return findings
}

function node(): Finding {
  const major = Number(process.versions.node.split('.')[0])
  const says = `${process.version} on ${process.platform} ${process.arch}`
  if (major >= OLDEST_NODE) return ok('Node', says)
  return { topic: 'Node', state: 'broken', says, fix: `install Node ${OLDEST_NODE} or later` }
}

async function processor(): Promise<Finding> {
  const info = process.platform === 'linux' ? await readFile('/proc/cpuinfo', 'utf8').catch(() => '') : ''
  const flags = new Set(/^(?:flags|Features)\s*:(.*)$/m.exec(info)?.[1]?.split(' '))
  const instructions = INSTRUCTIONS.filter((name) => flags.has(name))
  const [model, cores] = [cpus()[0]?.model ?? 'unknown', availableParallelism()]
  const says = `${model}, ${cores} threads${instructions.length > 0 ? `, ${instructions.join(' ')}` : ''}`
  return ok('processor', says, { model, threads: cores, instructions })
}

function memory(): Finding {
  // A container may be given less than the machine has.
  const allowed = process.constrainedMemory()
  const total = allowed > 0 ? Math.min(allowed, totalmem()) : totalmem()
  const free = freemem()
  const facts = { total, free }
  const says = `${gigabytes(total)}, ${gigabytes(free)} free`
  return free > 2 ** 30
    ? ok('memory', says, facts)
    : { ...missing('memory', says, 'close other programs: the bundled model needs about 1 GB'), facts }
}

function runtime(): Finding {
  const version = env.versions.node ?? env.versions.common
  const devices = knownDevices()
  return ok('ONNX Runtime', `${version}, built for ${devices.join(', ')}`, { version, devices })
}

/** Tries a device in a process of its own: a driver may end it, or never answer. */
async function device(name: Device, what = ''): Promise<Finding> {
  const { report, reason } = await tried(name)
  if (!report) {
    const fix = `update its driver; until then use --device cpu`
    return name === 'cpu' ? { ...missing(name, reason, fix), state: 'broken' } : missing(name, `${what}${reason}`, fix)
  }
  const { speed, side, half, fusedAttention } = report
  const traits = [
    `${speed.toFixed(speed < 10 ? 1 : 0)} GFLOP/s (product of ${side}x${side}, float32)`,
    ...(name === 'cpu' ? [] : [half ? 'computes in float16' : 'no float16']),
    ...(fusedAttention ? [] : ['attention by its parts: its subgroups are too narrow for the fused one']),
  ]
  return ok(name, `${what}${traits.join(', ')}`, { ...report })
}

function tried(name: Device): Promise<{ readonly report?: DeviceReport; readonly reason: string }> {
  const main = fileURLToPath(
    new URL(`./main${import.meta.url.slice(import.meta.url.lastIndexOf('.'))}`, import.meta.url),
  )
  const child = spawn(process.execPath, [...process.execArgv, main, 'doctor', '--try', name], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: PATIENCE_MS,
  })
  const written = { stdout: '', stderr: '' }
  child.stdout.on('data', (chunk: Buffer) => (written.stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (written.stderr += chunk.toString()))
  return new Promise((resolve) => {
    child.on('error', (error) => resolve({ reason: messageOf(error) }))
    child.on('close', (code, signal) => {
      if (code === 0) return resolve({ report: JSON.parse(written.stdout) as DeviceReport, reason: '' })
      const said = written.stderr.split('\n').find((line) => line.startsWith('sfv: '))
      resolve({ reason: said?.slice(5) ?? `does not answer (${signal ?? `exit code ${code}`})` })
    })
  })
}

async function webgpu(): Promise<Finding> {
  const adapters = vulkanAdapters()
  if (process.platform === 'linux' && adapters.length === 0)
    return missing('webgpu', 'no Vulkan driver', 'with a GPU, install its Vulkan driver (Mesa, or NVIDIA 550 or later)')
  const names = adapters.map(({ name, software }) => (software ? `${name}, which is software` : name))
  const found = await device('webgpu', names.length > 0 ? `${names.join(' and ')}: ` : '')
  if (found.state !== 'ok') return found
  const software = adapters.length > 0 && adapters.every((adapter) => adapter.software)
  const fix = 'slower than the device cpu: of use for tests alone'
  return { ...found, facts: { ...found.facts, adapters, software }, ...(software ? { fix } : {}) }
}

async function cuda(): Promise<Finding> {
  const query = ['--query-gpu=name,memory.total', '--format=csv,noheader']
  const { stdout } = spawnSync('nvidia-smi', query, { encoding: 'utf8' })
  const gpus = (stdout ?? '').trim()
  const name = gpus === '' ? '' : `${gpus.replaceAll('\n', '; ')}: `
  if (hasCudaProvider()) return device('cuda', name)
  if (gpus === '') return missing('cuda', 'no NVIDIA GPU', 'none needed; on a machine with one, its driver comes first')
  const fix =
    'install CUDA 12 and cuDNN 9, then run node node_modules/onnxruntime-node/script/install --onnxruntime-node-install'
  return missing('cuda', `${name}ONNX Runtime's provider is not installed`, fix)
}

async function cache(): Promise<Finding> {
  const folder = cacheFolder()
  const bytes = await bytesIn(folder)
  const facts = { folder, bytes }
  const graphs = await nearestThere(join(folder, 'graphs'))
  const probe = join(graphs, `.${randomBytes(6).toString('hex')}.part`)
  try {
    await writeFile(probe, new Uint8Array(1))
    await rm(probe)
    const { bavail, bsize } = await statfs(graphs)
    const free = bavail * bsize
    const says = `${folder}: ${gigabytes(bytes)} used, ${gigabytes(free)} free on the disk`
    return ok('cache', says, { ...facts, free })
  } catch (error) {
    await rm(probe, { force: true }).catch(() => undefined)
    const says = `${folder}: cannot be written (${(error as Error).message}), so every start is slow`
    return { ...missing('cache', says, 'set SFV_CACHE to a folder that you may write to, on a disk with room'), facts }
  }
}

/** A folder, or the one above it that is there. */
async function nearestThere(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined)
  return found || dirname(path) === path ? path : nearestThere(dirname(path))
}

async function hub(): Promise<Finding> {
  const { env } = process
  if (isOffline(env))
    return missing('model hub', 'the network is switched off', 'unset SFV_OFFLINE and HF_HUB_OFFLINE to fetch models')
  try {
    const { place, token } = await hubAccess(env, 'the hub')
    if (token !== undefined)
      return ok('model hub', `${place}, ${env['HF_TOKEN'] ? 'HF_TOKEN is set' : 'with your token'}`)
    const fix = "set HF_TOKEN to a token of yours for gated models (Stability AI's are); others need none"
    return missing('model hub', `${place}, no token`, fix)
  } catch (error) {
    return missing('model hub', messageOf(error), 'set the variable to what it should be, or unset it')
  }
}

async function mpi(): Promise<Finding> {
  const library = await findMpiLibrary()
  if (library) return ok('MPI', library)
  const fix = 'for training on several processes install Open MPI (apt-get install openmpi-bin, brew install open-mpi)'
  return missing('MPI', 'no Open MPI', fix)
}

function ffmpeg(): Finding {
  const { stdout } = spawnSync('ffmpeg', ['-version'], { encoding: 'utf8' })
  const version = /^ffmpeg version (\S+)/.exec(stdout ?? '')?.[1]
  if (version !== undefined) return ok('reading videos', `ffmpeg ${version}`)
  const fix = 'install ffmpeg to read MP4, WebM and MOV; GIF and WebP are read, and all formats are written, without it'
  return missing('reading videos', 'no ffmpeg on PATH', fix)
}
