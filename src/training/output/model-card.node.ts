import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { writeFileAtomic } from '../../runtime/files.node.js'
import { readJsonFile } from '../../weights/diffusers.node.js'
import { type Recipe } from '../objectives/registry.node.js'

/** How a component came about: this file lies beside its weights. */
export const RECORD = 'training.json'

/** What a run notes of itself beside the component that it has trained. */
export interface TrainingRecord {
  /** Version of sfv. */
  readonly sfv: string
  readonly recipe: Recipe
  /** The clips that it saw: how many, of what size in pixels, at how many pictures a second. */
  readonly data: {
    readonly folder: string
    readonly clips: number
    readonly width: number
    readonly height: number
    readonly fps: number
  }
}

/** Marks a README that may be written anew. */
const MARK = '<!-- Written by sfv train, which leaves a README.md without this line alone. -->'

/**
 * Writes the README of a model folder, by what its components note of how they were trained. One that a person wrote
 * stays.
 */
export async function writeModelCard(folder: string): Promise<void> {
  const file = join(folder, 'README.md')
  const before = await readFile(file, 'utf8').catch(() => MARK)
  if (!before.includes(MARK)) return
  const entries = await readdir(folder, { withFileTypes: true })
  const names = entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.')).map(({ name }) => name)
  const rows: string[] = []
  const recipes: string[] = []
  for (const name of names.sort()) {
    const config = await readJsonFile(join(folder, name, 'config.json')).catch(() => undefined)
    const record = await readRecord(join(folder, name))
    const { _class_name: className, architectures } = config ?? {}
    const known = className ?? (Array.isArray(architectures) ? (architectures as unknown[])[0] : undefined)
    if (!config && !record) continue
    rows.push(`| \`${name}/\` | ${typeof known === 'string' ? known : ''} | ${origin(record)} |`)
    if (record) recipes.push(`\`${name}/\`:\n\n\`\`\`json\n${JSON.stringify(record.recipe, null, 2)}\n\`\`\``)
  }
  const text = [
    '# A model for sfv',
    MARK,
    "In the layout of diffusers' StableVideoDiffusionPipeline.",
    ['| part | class | trained |', '| --- | --- | --- |', ...rows].join('\n'),
    'Where it is whole, `sfv animate PICTURE -o CLIP.webp --model FOLDER` makes clips with it.',
    '## Recipes',
    ...recipes,
  ]
  await writeFileAtomic(file, `${text.join('\n\n')}\n`)
}

function origin(record: TrainingRecord | undefined): string {
  if (!record) return 'elsewhere'
  const { recipe, data, sfv } = record
  const from = 'model' in recipe ? `, with \`${recipe.model}\`` : ''
  return (
    `${recipe.objective}, ${recipe.steps} steps${from}, on ${data.clips} clips of ${data.width}x${data.height} ` +
    `at ${data.fps} a second (sfv ${sfv})`
  )
}

async function readRecord(folder: string): Promise<TrainingRecord | undefined> {
  const record = await readJsonFile(join(folder, RECORD)).catch(() => undefined)
  return record && 'recipe' in record && 'data' in record ? (record as unknown as TrainingRecord) : undefined
}
