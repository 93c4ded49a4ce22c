#!/usr/bin/env node
import { removeUnfinishedOnSignals } from '../runtime/unfinished.node.js'
import { run } from './run.js'
import { surviveClosedPipes } from './streams.js'

surviveClosedPipes()
removeUnfinishedOnSignals()
process.exitCode = await run(process.argv.slice(2))
