import { Command, Option } from 'commander'
import { DEVICES, type Device } from '../runtime/device-names.js'
import type { Finding } from './diagnose.js'
import { StatusLine } from './progress.js'

const EXAMPLES = `
Examples:
  sfv doctor           what this machine has, and what to install for what it lacks
  sfv doctor --json    the same as one JSON object

Each device is tried on a small graph. Nothing is sent anywhere. The exit code is 1 where sfv cannot run at all.`

interface Options {
  readonly try?: Device
  readonly json?: true
}

/** `sfv doctor`. */
export function doctorCommand(): Command {
  return (
    new Command('doctor')
      .description('say what this machine can do, and what to install')
      .option('--json', 'print it as one JSON object')
      // What it starts for each device.
      .addOption(new Option('--try <device>').choices(DEVICES).hideHelp())
      .addHelpText('after', EXAMPLES)
      .action(doctor)
  )
}

async function doctor({ try: device, json }: Options): Promise<void> {
  if (device) {
    const { probeDevice } = await import('./probe-device.js')
    return void process.stdout.write(`${JSON.stringify(await probeDevice(device))}\n`)
  }
  const { diagnose } = await import('./diagnose.js')
  const line = new StatusLine()
  const findings = await diagnose((topic) => line.show(`looking at: ${topic}`))
  line.clear()
  const broken = findings.some(({ state }) => state === 'broken')
  process.stdout.write(json ? `${JSON.stringify({ ok: !broken, findings })}\n` : describe(findings))
  if (broken) process.exitCode = 1
}

const MARKS: Readonly<Record<Finding['state'], string>> = { ok: '+', missing: '-', broken: '!' }

/** A line for each finding, and below it what to do. */
function describe(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ topic }) => topic.length))
  return findings
    .map(({ topic, state, says, fix }) => {
      const advice = fix === undefined ? '' : `  ${' '.repeat(width)}  > ${fix}\n`
      return `${MARKS[state]} ${topic.padEnd(width)}  ${says}\n${advice}`
    })
    .join('')
}
