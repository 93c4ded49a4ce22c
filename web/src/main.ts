import './studio.css'
import { startStudio } from './app.js'
import { isolate, keepSite } from './isolate.js'
import { restoreTheme } from './theme.js'

restoreTheme()
startStudio(isolate(), keepSite)
