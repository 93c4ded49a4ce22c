import { restoreTheme } from './theme.js'

/** Marks that the page was loaded anew for its service worker, so that it is done once. */
const RELOADED = 'sfv-reloaded'
/** Milliseconds after which the studio does without the service worker: sooner where the host isolates the page itself. */
const PATIENCE = { isolated: 4_000, alone: 20_000 } as const

/**
 * Starts the service worker, which keeps the site for when there is no connection, and sends the isolation headers that
 * threads need where the host does not: then the page is loaded once more, before anything of it shows.
 *
 * @returns whether the page stays.
 */
export async function isolate(): Promise<boolean> {
  restoreTheme()
  if (!import.meta.env.PROD || !('serviceWorker' in navigator)) return true
  const { serviceWorker } = navigator
  try {
    await serviceWorker.register('./sw.js')
    const patience = crossOriginIsolated ? PATIENCE.isolated : PATIENCE.alone
    await Promise.race([controlled(serviceWorker), new Promise((resolve) => setTimeout(resolve, patience))])
  } catch {
    // Without a service worker the studio works as well, with one thread and a connection.
    return true
  }
  if (crossOriginIsolated || !serviceWorker.controller || sessionStorage.getItem(RELOADED)) {
    sessionStorage.removeItem(RELOADED)
    return true
  }
  sessionStorage.setItem(RELOADED, 'yes')
  location.reload()
  return false
}

function controlled(serviceWorker: ServiceWorkerContainer): Promise<void> {
  if (serviceWorker.controller) return Promise.resolve()
  return new Promise((resolve) => serviceWorker.addEventListener('controllerchange', () => resolve(), { once: true }))
}
