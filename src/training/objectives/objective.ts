import { type z } from 'zod'
import { type Frames } from '../../media/frames.js'
import { type ParameterSet } from '../../nn/weights.js'
import { type Group } from '../../runtime/group.js'
import { type Engine, type Values } from '../../runtime/program.js'
import { type Random } from '../../runtime/random.js'
import { type Scope } from '../../runtime/scope.js'
import { type LossGraph } from '../trainer/gradient-program.js'
import { type Learner } from '../trainer/learner.js'
import { type OptimizerRecipe } from './fields.js'

/** The schema of a recipe: its fields, and the type `R` of a recipe with all defaults filled in. */
export type RecipeSchema<R> = z.ZodType<R> & { readonly shape: Readonly<Record<string, z.ZodType>> }

/** Values of graph inputs, by name. */
export type Feeds = Readonly<Record<string, Values>>

/** A network that a step trains. */
export interface TrainedNetwork {
  /** What its state is saved under. */
  readonly name: string
  readonly set: ParameterSet
  /** What its weights minimise. */
  readonly loss: LossGraph
  readonly optimizer: OptimizerRecipe
  /** The average of its weights, where the graph takes that as well: of the same names and shapes as `set`. */
  readonly average?: ParameterSet
}

/** A training step as a graph without a single value: what the dry run plans, and what training opens. */
export interface StepGraph {
  /** The first of them is the one that the run is about: its learning rate is logged. */
  readonly trained: readonly TrainedNetwork[]
  /** Networks whose weights stay as they are, with all that is held of them. */
  readonly frozen: readonly ParameterSet[]
}

/** What a step's graph depends on beside the recipe. */
export interface Surroundings {
  /** config.json of the network, and how messages call it. */
  readonly json: object
  readonly file: string
  /** Size of the clips in latents; of no account where a network does not see whole clips. */
  readonly height: number
  readonly width: number
}

/** What an objective opens its networks and data with. */
export interface Opening {
  readonly engine: Engine
  /** Who trains together. */
  readonly group: Group
  /** Owns all that is opened, and closes it when the run ends or opening fails. */
  readonly scope: Scope
}

/** A clip that shows the state of a run. */
export interface Sample {
  /** What it is of. */
  readonly name: string
  /** The clip of the data that it should look like, of the same length. */
  readonly reference?: Frames
  readonly frames: Frames
}

/** The networks being trained, by the names that their state is saved under. */
export type Learners = Readonly<Record<string, Learner>>

/** An objective whose data is open. Batches follow from (seed, step) alone, so a run can stop anywhere. */
export interface OpenObjective {
  readonly graph: StepGraph
  /** First values of trained networks, by name. Those that are left out begin with `initialValues`. */
  readonly initial?: Readonly<Record<string, Float32Array>>
  /** Weights that the graph is fed with and that stay as they are. */
  readonly frozen?: Feeds
  /** Names of the clips that were drawn for batches; the run empties it before each step. */
  readonly drawn: string[]
  /** Pictures per second of the data, and so of the samples. */
  readonly fps: number
  /** Draws a batch for step `step` (from 1), with a generator for each sample: what the graph is fed besides weights. */
  draw(random: readonly Random[], step: number): Promise<Feeds>
  /** The numbers of the log, out of those that the graph gave. Left out: the same. */
  logged?(metrics: Readonly<Record<string, number>>): Record<string, number>
  /** Clips that show the state of the run; all of one size and length, or pictures of one frame. */
  sample(learners: Learners): Promise<readonly Sample[]>
  /** Writes the finished component into the recipe's output folder. */
  export(learners: Learners): Promise<void>
}

/** An objective of training: all that is particular to it. `R` is its recipe. */
export interface Objective<R> {
  readonly recipe: RecipeSchema<R>
  /** Whether each sample is held against all others of its batch, so that processes cannot share one. */
  readonly contrasts?: boolean
  /** The components that a run writes into its output. */
  written(recipe: R): readonly string[]
  /**
   * Finds what the step's graph depends on without a checkpoint or a clip: in the recipe, or in the folders that it names.
   *
   * @throws UserError where neither has it, or networks do not fit each other.
   */
  surroundings(recipe: R): Promise<Surroundings>
  /** The graph of a step. Nothing is allocated, whatever the size of the network. */
  graph(recipe: R, surroundings: Surroundings): StepGraph
  /**
   * Opens data and networks.
   *
   * @throws UserError when one of them cannot be read, or does not suit the recipe.
   */
  open(recipe: R, opening: Opening): Promise<OpenObjective>
}
