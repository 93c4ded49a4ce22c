import { type Group } from '../../runtime/group.js'
import { type Engine } from '../../runtime/program.js'
import { type Recipe } from '../recipe/index.js'
import { type Task } from '../task.js'

/** Opens the task of a recipe's objective: networks, data, graphs. */
export async function openTask(recipe: Recipe, engine: Engine, group: Group): Promise<Task> {
  switch (recipe.objective) {
    case 'vae':
      return (await import('./vae.node.js')).vaeTask(recipe, engine, group)
    case 'warp-autoencoder':
      return (await import('./warp-autoencoder.node.js')).warpAutoencoderTask(recipe, engine, group)
    case 'image-encoder':
      return (await import('./image-encoder.node.js')).imageEncoderTask(recipe, engine, group)
    case 'teacher':
      return (await import('./teacher.node.js')).teacherTask(recipe, engine, group)
    case 'sfv':
      return (await import('./sfv.node.js')).sfvTask(recipe, engine, group)
    case 'ufogen':
      return (await import('./ufogen.node.js')).ufogenTask(recipe, engine, group)
    case 'ladd':
      return (await import('./ladd.node.js')).laddTask(recipe, engine, group)
    case 'consistency':
      return (await import('./consistency.node.js')).consistencyTask(recipe, engine, group)
    case 'video-features':
      return (await import('./video-features.node.js')).videoFeaturesTask(recipe, engine, group)
  }
}
