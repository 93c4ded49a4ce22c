// Holds the floors of CONTRIBUTING.md over the imports of src/.
import { findFloorViolations } from './floors.js'
import { readSources, report } from './sources.js'

report('floors', findFloorViolations(readSources(process.cwd())))
