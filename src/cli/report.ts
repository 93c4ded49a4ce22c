import { join } from 'node:path'
import { Command } from 'commander'

const EXAMPLES = `
Examples:
  sfv report runs/sfv                     writes runs/sfv/report.html; also while the run is under way
  sfv report runs/sfv -o sfv-heads.html   elsewhere: the page is one file that needs no other`

interface Options {
  readonly out?: string
  readonly json?: true
}

/** `sfv report RUN`. */
export function reportCommand(): Command {
  return new Command('report')
    .description('draw a training run: curves, samples over time and recipe, as one HTML page')
    .argument('<run>', 'folder of the run')
    .option('-o, --out <file>', 'page to write (default: report.html in the run)')
    .option('--json', 'print what was done as one JSON object')
    .addHelpText('after', EXAMPLES)
    .action(report)
}

async function report(run: string, { out = join(run, 'report.html'), json }: Options): Promise<void> {
  const { writeReport } = await import('../training/report/report.node.js')
  const counts = await writeReport(run, out)
  if (json) process.stdout.write(`${JSON.stringify({ output: out, run, ...counts })}\n`)
  else process.stderr.write(`wrote ${out}\n`)
}
