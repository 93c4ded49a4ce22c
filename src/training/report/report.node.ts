import { writeFileAtomic } from '../../runtime/files.node.js'
import { reportPage } from './page.node.js'
import { readRun } from './run-data.node.js'

/**
 * Writes a run's report, one HTML file that needs no other: curves, samples over time, recipe.
 *
 * @returns the steps in the log and the step sheets shown.
 * @throws UserError when the folder holds no run or the file cannot be written.
 */
export async function writeReport(folder: string, file: string): Promise<{ steps: number; samples: number }> {
  const run = await readRun(folder)
  await writeFileAtomic(file, reportPage(run))
  return { steps: run.log.length, samples: run.samples.length }
}
