// Builds the site: guides and reference by typedoc, the studio in studio/. Fails where a link leads nowhere.
import { execFileSync } from 'node:child_process'
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { LinkChecker, LinkState } from 'linkinator'

const root = fileURLToPath(new URL('..', import.meta.url))
const site = join(root, 'dist-site')
/** As `navigationLinks` of typedoc.json has it. */
const STUDIO = 'studio/index.html'

await rm(site, { recursive: true, force: true })
const run = (program: string, args: string[], env: NodeJS.ProcessEnv = {}) =>
  execFileSync(join(root, 'node_modules/.bin', program), args, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...env },
    shell: process.platform === 'win32',
  })
run('typedoc', [])
// typedoc writes navigation links as they are given, on pages in folders too.
for (const name of await readdir(site, { recursive: true })) {
  if (!name.endsWith('.html')) continue
  const page = join(site, name)
  const way = relative(dirname(page), join(site, STUDIO)).replaceAll('\\', '/')
  await writeFile(page, (await readFile(page, 'utf8')).replaceAll(`href="${STUDIO}"`, `href="${way}"`))
}
run('vite', ['build', 'web', '--logLevel', 'warn'], { SFV_STUDIO_OUT: join(site, 'studio') })

// Pages elsewhere are theirs to keep; a build must not depend on them.
const { links } = await new LinkChecker().check({ path: site, recurse: true, linksToSkip: ['^https?://(?!localhost)'] })
const broken = links.filter(({ state }) => state === LinkState.BROKEN)
for (const { url, parent } of broken) console.error(`${parent}: the link to ${url} leads nowhere`)
console.log(`${links.length} links, ${broken.length} broken; open ${relative(process.cwd(), join(site, 'index.html'))}`)
if (broken.length > 0) process.exitCode = 1
