// Takes part in a training run in a thread of its own, beside the process that writes the run's folder.
import { lineToMaker } from '../../runtime/thread.node.js'
import { serve } from '../../runtime/rpc.js'
import { teamGroup, type TeamMemory } from '../../runtime/team.node.js'
import { type SharedRecipe } from './processes.node.js'
import { trainPart, type TrainOptions } from './train.node.js'

/** What a member of a team is told. */
interface PartRequest {
  readonly recipe: SharedRecipe
  readonly options: TrainOptions
  readonly memory: TeamMemory
  readonly rank: number
}

const handlers = {
  async part({ recipe, options, memory, rank }: PartRequest) {
    await trainPart(recipe, { ...options, group: teamGroup(memory, rank) })
    return { value: undefined }
  },
}

serve(handlers, lineToMaker())
