// Fails where an exported symbol of src/ has no docstring.
import { findUndocumented } from './docstrings.js'
import { readSources, report } from './sources.js'

report('docstrings', findUndocumented(readSources(process.cwd())))
