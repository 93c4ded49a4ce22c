import { Command } from 'commander'

const EXAMPLES = `
Examples:
  sfv manifest models/fluent            write models/fluent/manifest.json: serve the folder, and browsers can open it

Write it anew whenever a file of the model changes.`

/** `sfv manifest FOLDER`. */
export function manifestCommand(): Command {
  return new Command('manifest')
    .description('write the sizes and checksums by which browsers fetch a model')
    .argument('<folder>', 'model folder in the layout of diffusers')
    .option('--json', 'print the manifest')
    .addHelpText('after', EXAMPLES)
    .action(manifest)
}

async function manifest(folder: string, { json }: { readonly json?: true }): Promise<void> {
  const { writeManifest } = await import('../weights/manifest.node.js')
  const written = await writeManifest(folder)
  const sizes = Object.values(written.files).map(({ bytes }) => bytes)
  const megabytes = sizes.reduce((sum, bytes) => sum + bytes, 0) / 1e6
  process.stdout.write(
    json ? `${JSON.stringify(written)}\n` : `wrote the manifest of ${sizes.length} files, ${megabytes.toFixed(1)} MB\n`,
  )
}
