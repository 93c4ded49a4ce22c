import type { DataFolder } from './data-folder.js'
import type { JobQueue } from './job-queue.js'
import type { Metrics } from './metrics.js'
import type { ModelIdentity } from './model-identity.js'
import type { Outbound } from './outbound.js'
import type { PictureLimits } from './picture-intake.js'
import type { Tokens } from './tokens.js'

/** What the routes need of the server. */
export interface Service {
  readonly queue: JobQueue
  readonly data: DataFolder
  readonly model: ModelIdentity
  readonly tokens: Tokens
  readonly outbound: Outbound
  readonly metrics: Metrics
  readonly limits: PictureLimits
  /** Origins of other sites whose pages may call the API. */
  readonly origins: readonly string[]
}

/** What the middleware tells the routes of a request. */
export interface Env {
  Variables: { /** The name of the token. */ owner: string }
}
