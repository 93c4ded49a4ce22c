import type * as sdk from '@aws-sdk/client-s3'
import { UserError } from '../errors.js'
import type { Storage, Stored } from './storage.js'

/** How often a write is tried again that met another one of the same name. */
const CONFLICTS = 5

/**
 * Objects of a bucket of Amazon S3, or of a server that speaks its protocol. Region, address and credentials are those
 * of the AWS client: AWS_REGION, AWS_ENDPOINT_URL_S3, AWS_ACCESS_KEY_ID and so on.
 */
export class BucketStorage implements Storage {
  private constructor(
    readonly s3: typeof sdk,
    readonly client: sdk.S3Client,
    readonly bucket: string,
    readonly prefix: string,
  ) {}

  /**
   * @param place `s3://BUCKET`, or `s3://BUCKET/PREFIX`
   * @throws UserError when the package is missing, or the bucket cannot be used.
   */
  static async open(place: string): Promise<BucketStorage> {
    const [, bucket, path = ''] = /^s3:\/\/([a-z\d][a-z\d.-]+)(?:\/(.*))?$/.exec(place) ?? []
    if (bucket === undefined)
      throw new UserError(`--storage is ${place}; give a bucket, such as s3://clips or s3://clips/sfv`)
    const s3 = await import('@aws-sdk/client-s3').catch(() => {
      throw new UserError(
        '--storage needs the package @aws-sdk/client-s3; install it with npm install @aws-sdk/client-s3',
      )
    })
    const isElsewhere = (process.env['AWS_ENDPOINT_URL_S3'] ?? process.env['AWS_ENDPOINT_URL']) !== undefined
    const client = new s3.S3Client({
      // Other servers than Amazon's seldom have a name of their own for each bucket.
      forcePathStyle: isElsewhere,
      requestHandler: { connectionTimeout: 10_000, requestTimeout: 60_000, throwOnRequestTimeout: true },
    })
    try {
      await client.send(new s3.HeadBucketCommand({ Bucket: bucket }))
    } catch (error) {
      const { message, name, $metadata } = error as sdk.S3ServiceException
      const reason = $metadata?.httpStatusCode === undefined ? message : `${$metadata.httpStatusCode} ${name}`
      throw new UserError(
        `cannot use the bucket ${bucket}: ${reason}; check --storage, AWS_REGION, AWS_ENDPOINT_URL_S3 and the credentials`,
      )
    }
    return new BucketStorage(s3, client, bucket, path === '' || path.endsWith('/') ? path : `${path}/`)
  }

  async has(name: string): Promise<boolean> {
    const head = new this.s3.HeadObjectCommand(this.#at(name))
    return (await unlessMissing(this.client.send(head))) !== undefined
  }

  async read(name: string): Promise<Stored | undefined> {
    const answer = await unlessMissing(this.client.send(new this.s3.GetObjectCommand(this.#at(name))))
    return (
      answer && { size: answer.ContentLength!, body: answer.Body!.transformToWebStream() as ReadableStream<Uint8Array> }
    )
  }

  /** S3 shows an object once it is whole. Its condition lets the first of two writers win. */
  async keep(name: string, bytes: Uint8Array): Promise<void> {
    for (let tries = 0; !(await this.has(name)); tries++) {
      try {
        await this.client.send(new this.s3.PutObjectCommand({ ...this.#at(name), Body: bytes, IfNoneMatch: '*' }))
        return
      } catch (error) {
        const status = statusOf(error)
        if (status === 412) return
        // Another writer's object was being written or removed; what came of it is looked up.
        if (status !== 409 || tries === CONFLICTS) throw error
      }
    }
  }

  async remove(name: string): Promise<void> {
    await this.client.send(new this.s3.DeleteObjectCommand(this.#at(name)))
  }

  #at(name: string): { Bucket: string; Key: string } {
    return { Bucket: this.bucket, Key: `${this.prefix}${name}` }
  }
}

async function unlessMissing<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer
  } catch (error) {
    if (statusOf(error) === 404) return undefined
    throw error
  }
}

function statusOf(error: unknown): number | undefined {
  return (error as Partial<sdk.S3ServiceException>).$metadata?.httpStatusCode
}
