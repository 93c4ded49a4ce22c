import { z } from 'zod'
import { UserError } from '../../errors.js'
import { isJsonObject, type JsonObject } from '../../weights/json.js'

/** How much an update counts for, by the path of its module and its rank. */
export type LoraScale = (module: string, rank: number) => number

/** What is read of a `LoraConfig` of PEFT. */
const schema = z.object({
  lora_alpha: z.number(),
  alpha_pattern: z.record(z.string(), z.number()).nullish(),
  use_rslora: z.boolean().nullish(),
})

/** First values of A and B that leave the weights of the base as they are; others change these too. */
const PLAIN_INITS: readonly unknown[] = [undefined, null, true, false, 'gaussian', 'eva', 'orthogonal']

/** Fields of configurations that do not change what an update is. */
const HARMLESS = new Set(['use_rslora', 'eva_config', 'megatron_config'])

/** The first field that asks for more than a low-rank sum; undefined where there is none. */
function more(json: JsonObject): string | undefined {
  const { peft_type, init_lora_weights, fan_in_fan_out, layer_replication } = json
  if (peft_type !== undefined && peft_type !== 'LORA') return 'peft_type'
  if (!PLAIN_INITS.includes(init_lora_weights)) return 'init_lora_weights'
  if (fan_in_fan_out === true) return 'fan_in_fan_out'
  if (Array.isArray(layer_replication)) return 'layer_replication'
  return Object.keys(json).find((name) => {
    const value = json[name]
    if (HARMLESS.has(name)) return false
    return (
      (name.startsWith('use_') && value === true) ||
      (name.endsWith('_config') && isJsonObject(value) && Object.keys(value).length > 0)
    )
  })
}

/**
 * The scale under a `LoraConfig` of PEFT: alpha/rank, or alpha over the root of the rank with `use_rslora`. The keys of
 * `alpha_pattern` are regular expressions of which one must match the path of the module, or its end after a dot; the
 * first that does counts (`get_pattern_key` of PEFT). Ranks are those of the tensors, which `rank_pattern` was used to
 * make.
 *
 * @param json the parsed configuration
 * @param source its name, for messages
 * @throws UserError when it is no such configuration, or asks for more than a low-rank sum.
 */
export function peftScale(json: JsonObject, source: string): LoraScale {
  const field = more(json)
  if (field !== undefined)
    throw new UserError(
      `${source}: field ${field} is ${JSON.stringify(json[field])}, which is more than a low-rank sum; merge it with PEFT`,
    )
  const config = schema.safeParse(json)
  if (!config.success)
    throw new UserError(
      `${source} is no LoraConfig of PEFT (field ${config.error.issues[0]!.path.join('.')}); save the LoRA again`,
    )
  const { lora_alpha, alpha_pattern, use_rslora } = config.data
  const patterns = Object.entries(alpha_pattern ?? {}).map(([key, alpha]) => [wholeOrEnd(key, source), alpha] as const)
  return (module, rank) => {
    const own = patterns.find(([pattern]) => pattern.test(module))
    return (own?.[1] ?? lora_alpha) / (use_rslora ? Math.sqrt(rank) : rank)
  }
}

function wholeOrEnd(key: string, source: string): RegExp {
  try {
    return new RegExp(`^(?:.*\\.)?(?:${key})$`)
  } catch {
    throw new UserError(
      `${source}: field alpha_pattern has ${key}, which is no regular expression; save the LoRA again`,
    )
  }
}
