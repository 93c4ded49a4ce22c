#!/usr/bin/env node
import { run } from './run.js'
import { surviveClosedPipes } from './streams.js'

surviveClosedPipes()
process.exitCode = await run(process.argv.slice(2))
