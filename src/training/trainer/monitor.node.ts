import { appendFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { type RunFolder } from './run-folder.node.js'
import { encodeEvent, type EventImage, type EventRecord } from './tensorboard.js'
import { makeFolder } from '../../runtime/files.node.js'

/** Writes what a run measures: a line a step in log.jsonl, and an event file for TensorBoard. */
export class Monitor {
  private constructor(
    private readonly log: string,
    private readonly events: string,
  ) {}

  /** Begins after step `step`. Every process of a run has an event file of its own, as TensorBoard expects. */
  static async open(folder: RunFolder, step: number): Promise<Monitor> {
    await folder.keepLogUntil(step)
    await makeFolder(folder.tensorboard)
    const name = `events.out.tfevents.${Math.floor(now())}.${hostname()}.${process.pid}.0`
    const monitor = new Monitor(folder.log, join(folder.tensorboard, name))
    await monitor.event({ kind: 'version', time: now(), step: 0 })
    await monitor.event({ kind: 'start', time: now(), step })
    return monitor
  }

  /** Notes what a step gave. */
  async step(step: number, seconds: number, metrics: Readonly<Record<string, number>>): Promise<void> {
    await appendFile(this.log, `${JSON.stringify({ step, seconds, ...metrics })}\n`)
    await this.event({ kind: 'scalars', time: now(), step, values: { ...metrics, secondsPerStep: seconds } })
  }

  /** Shows a sheet of samples. */
  async samples(step: number, image: EventImage): Promise<void> {
    await this.event({ kind: 'image', time: now(), step, tag: 'samples', image })
  }

  private async event(event: EventRecord): Promise<void> {
    await appendFile(this.events, encodeEvent(event))
  }
}

const now = () => Date.now() / 1000
