/**
 * What PyTorch's wrappers put into the paths of parameters: `torch.compile`, data parallelism (at the front alone, as a
 * network may have a part of that name), sharded data parallelism and checkpointed activations.
 */
const WRAPPER = /^(?:module\.)+|\b_orig_mod\.|\b_fsdp_wrapped_module\.|\b_checkpoint_wrapped_module\./g

/**
 * Tensors under the names that the network itself has: what wrappers of PyTorch put before them or between their parts
 * is left out. Names stay as they are where two would become one.
 */
export function unwrapNames<T extends { readonly name: string }>(
  tensors: ReadonlyMap<string, T>,
): ReadonlyMap<string, T> {
  const unwrapped = new Map<string, T>()
  for (const [wrapped, tensor] of tensors) {
    let name = wrapped
    // Wrappers may be wrapped themselves, in any order.
    for (let before = ''; before !== name;) [before, name] = [name, name.replace(WRAPPER, '')]
    unwrapped.set(name, { ...tensor, name })
  }
  return unwrapped.size === tensors.size ? unwrapped : tensors
}
