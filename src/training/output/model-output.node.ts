import { mkdtemp, rmdir, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { ClipStore } from '../../data/store.node.js'
import { UserError } from '../../errors.js'
import { sha256OfFiles, writeFileAtomic } from '../../runtime/files.node.js'
import { writeManifest } from '../../weights/manifest.node.js'
import { packageVersion } from '../../weights/packaged.node.js'
import { weightFiles } from './components.node.js'
import { completePipeline } from './pipeline-folder.node.js'
import { objectiveOf, type Recipe } from '../objectives/registry.node.js'
import { baseOf, located } from '../recipe/read.node.js'
import { type RunFolder } from '../trainer/run-folder.node.js'
import { RECORD, writeModelCard, type TrainingRecord } from './model-card.node.js'

/** The folder that a run's finished component goes into, and all that makes a model of it. */
export class ModelOutput {
  private constructor(
    private readonly recipe: Recipe,
    private readonly run: RunFolder,
    private readonly data: TrainingRecord['data'],
  ) {}

  /**
   * Checks, before any work is done, that the output can be written and that nothing is lost by it: what it holds must
   * be of this very run, unless `force` is given; and what it shares with the model that is trained on must be the
   * same.
   *
   * @throws UserError otherwise.
   */
  static async open(recipe: Recipe, run: RunFolder, force: boolean): Promise<ModelOutput> {
    const { output } = recipe
    await checkTakesFiles(output)
    const written = objectiveOf(recipe).written(recipe)
    for (const component of force ? [] : written) {
      const sum = await weightsSum(join(output, component))
      if (sum !== undefined && !(await run.hasWritten(join(output, component), sum)))
        throw new UserError(
          `${join(output, component)} holds a model that this run did not make; choose another output in the recipe, or add --force to replace it`,
        )
    }
    const base = baseOf(located(recipe))
    if (base !== undefined && resolve(base) !== resolve(output)) await checkShared(base, output, written)
    const { clips, width, height, fps, close } = await openStore(recipe.data)
    await close()
    return new ModelOutput(recipe, run, { folder: recipe.data, clips, width, height, fps })
  }

  /**
   * Writes the component by `save`, then what the folder lacks to be a model, its README and its manifest.
   *
   * @returns the networks that are still missing for `animate` to open it
   */
  async write(save: () => Promise<void>): Promise<string[]> {
    const { recipe, run, data } = this
    const { output } = recipe
    const written = objectiveOf(recipe).written(recipe)
    for (const component of written) await run.noteWriting(join(output, component))
    await save()
    const record: TrainingRecord = { sfv: packageVersion(), recipe, data }
    for (const component of written) {
      const sum = await weightsSum(join(output, component))
      if (sum !== undefined) await run.noteWritten(join(output, component), sum)
      await writeFileAtomic(join(output, component, RECORD), `${JSON.stringify(record, null, 2)}\n`)
    }
    // No pipeline has a feature network.
    if (written.includes('features')) return []
    // A student is of its own teacher and autoencoder alone; one of another run must not come along.
    const without = [...written, ...(written.includes('unet') ? ['student'] : [])]
    const missing = await completePipeline(output, baseOf(located(recipe)), without)
    await writeModelCard(output)
    if (missing.length === 0) await writeManifest(output)
    return missing
  }
}

/** SHA-256 of a component's weights; undefined where it has none. */
async function weightsSum(folder: string): Promise<string | undefined> {
  const files = await weightFiles(folder)
  return files.length === 0 ? undefined : sha256OfFiles(files.map((name) => join(folder, name)))
}

/** The networks that a run takes from its base must not be others in its output, where they stay as they are. */
async function checkShared(base: string, output: string, written: readonly string[]): Promise<void> {
  for (const component of ['vae', 'image_encoder', 'unet'].filter((name) => !written.includes(name))) {
    const [theirs, own] = [await weightsSum(join(base, component)), await weightsSum(join(output, component))]
    if (theirs !== undefined && own !== undefined && theirs !== own)
      throw new UserError(
        `${join(output, component)} is another than that of ${base}, which this run trains with; choose another output in the recipe`,
      )
  }
}

async function openStore(folder: string) {
  const store = await ClipStore.open(folder)
  const { width, height, fps, clips } = store
  return { width, height, fps, clips: clips.length, close: () => store.close() }
}

/**
 * Checks that files can be written into a folder, or that it can be made.
 *
 * @throws UserError otherwise.
 */
export async function checkTakesFiles(folder: string): Promise<void> {
  let place = resolve(folder)
  let found = await stat(place).catch(() => undefined)
  while (found === undefined && dirname(place) !== place) {
    place = dirname(place)
    found = await stat(place).catch(() => undefined)
  }
  if (!found?.isDirectory())
    throw new UserError(`cannot write ${folder}: ${place} is not a folder; choose another name for it`)
  // Only writing shows it: permissions do not tell of a read-only disk, or of /proc.
  await mkdtemp(join(place, '.sfv-'))
    .then(rmdir)
    .catch((error: Error) => {
      throw new UserError(`cannot write ${folder}: ${error.message}; choose a folder you may write to`)
    })
}
