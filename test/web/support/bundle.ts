import { build } from 'esbuild'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../../', import.meta.url))

/** The files of a page that has the library: the harness and the workers, by their addresses. */
export async function harnessFiles(): Promise<Map<string, string>> {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: [
      'test/web/support/harness.ts',
      'src/web/model-worker-wasm.ts',
      'src/web/model-worker-webgpu.ts',
      'src/web/media-worker.ts',
    ],
    entryNames: '[name]',
    outdir: 'out',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    conditions: ['onnxruntime-web-use-extern-wasm'],
    write: false,
    logLevel: 'error',
  })
  const files = new Map(outputFiles.map(({ path, text }) => [`/${basename(path)}`, text]))
  return files.set(
    '/',
    '<!doctype html><meta charset="utf-8"><title>sfv</title><script type="module" src="harness.js"></script>',
  )
}
