// The studio's service worker: keeps the site's files, and sends the headers that isolate the page.

/** Files of the site, and a name for this edition of them; the build fills both in. */
declare const PRECACHE: readonly string[]
declare const EDITION: string
declare const POLICY: string

interface ExtendableEvent extends Event {
  waitUntil(work: Promise<unknown>): void
}

interface FetchEvent extends ExtendableEvent {
  readonly request: Request
  respondWith(response: Promise<Response>): void
}

/** The part of a service worker's global object that is used here. */
interface ServiceWorkerScope {
  readonly registration: { readonly scope: string }
  readonly clients: { claim(): Promise<void> }
  skipWaiting(): Promise<void>
  addEventListener(type: 'install' | 'activate' | 'message', listener: (event: ExtendableEvent) => void): void
  addEventListener(type: 'fetch', listener: (event: FetchEvent) => void): void
}

const scope = globalThis as unknown as ServiceWorkerScope
const NAME = 'sfv-studio-'

// Nothing is fetched before it rules, so that the page need not wait for it.
scope.addEventListener('install', (event) => event.waitUntil(scope.skipWaiting()))

scope.addEventListener('message', (event) => {
  const fill = async () => {
    const cache = await caches.open(NAME + EDITION)
    for (const path of PRECACHE) {
      const request = new Request(path)
      if (!(await cache.match(request, { ignoreVary: true }))) await cache.add(new Request(path, { cache: 'no-cache' }))
    }
  }
  event.waitUntil(fill())
})

scope.addEventListener('activate', (event) => {
  const tidy = async () => {
    const names = await caches.keys()
    const old = names.filter((name) => name.startsWith(NAME) && name !== NAME + EDITION)
    await Promise.all(old.map((name) => caches.delete(name)))
    await scope.clients.claim()
  }
  event.waitUntil(tidy())
})

scope.addEventListener('fetch', (event) => {
  const { request } = event
  const url = new URL(request.url)
  const root = scope.registration.scope
  if (request.method !== 'GET' || !request.url.startsWith(root)) return
  // The library keeps the model and the runtime itself, under their checksums.
  if (request.url.startsWith(`${root}model/`) || /^ort\/(manifest\.json|.*\.gz)$/.test(request.url.slice(root.length)))
    return
  event.respondWith(answer(request, request.mode === 'navigate' ? root : url.href))
})

async function answer(request: Request, key: string): Promise<Response> {
  const cache = await caches.open(NAME + EDITION)
  const kept = await cache.match(key, { ignoreVary: true })
  if (kept) return isolated(kept)
  const response = await fetch(request)
  if (response.ok && response.type === 'basic') await cache.put(key, response.clone())
  return isolated(response)
}

/** The response with the headers that give a page and its workers threads, and hold them to the site's own files. */
function isolated(response: Response): Response {
  if (response.status === 0) return response
  const headers = new Headers(response.headers)
  headers.set('cross-origin-opener-policy', 'same-origin')
  headers.set('cross-origin-embedder-policy', 'require-corp')
  headers.set('cross-origin-resource-policy', 'same-origin')
  headers.set('content-security-policy', POLICY)
  const { status, statusText } = response
  return new Response(response.body, { status, statusText, headers })
}
