/** Marks that the page was loaded anew for its service worker, so that it is done once. */
const RELOADED = 'sfv-reloaded'
/** Milliseconds after which the studio does without the service worker. */
const PATIENCE = 8_000

/**
 * Starts the service worker, which keeps the site for when there is no connection, and sends the isolation headers that
 * threads need where the host does not: then the page is loaded once more, unless a picture has been taken by then.
 *
 * @returns a promise that is kept once the page stays.
 */
export async function isolate(): Promise<void> {
  if (!import.meta.env.PROD || !('serviceWorker' in navigator)) return
  const { serviceWorker } = navigator
  try {
    await serviceWorker.register('./sw.js')
    if (crossOriginIsolated) return
    await Promise.race([controlled(serviceWorker), new Promise((resolve) => setTimeout(resolve, PATIENCE))])
  } catch {
    // Without a service worker the studio works as well, with one thread and a connection.
    return
  }
  const wasReloaded = sessionStorage.getItem(RELOADED) !== null
  sessionStorage.removeItem(RELOADED)
  if (!serviceWorker.controller || wasReloaded || document.body.classList.contains('working')) return
  sessionStorage.setItem(RELOADED, 'yes')
  location.reload()
  await new Promise(() => undefined)
}

/** Lets the service worker fetch all files of the site that are not here yet, for when there is no connection. */
export function keepSite(): void {
  if (!import.meta.env.PROD || !('serviceWorker' in navigator)) return
  void navigator.serviceWorker.ready.then(({ active }) => active?.postMessage('keep'))
}

function controlled(serviceWorker: ServiceWorkerContainer): Promise<void> {
  if (serviceWorker.controller) return Promise.resolve()
  return new Promise((resolve) => serviceWorker.addEventListener('controllerchange', () => resolve(), { once: true }))
}
