import { add } from './ops/elementwise.js'
import { constant } from './ops/leaves.js'
import { broadcastTo } from './ops/movement.js'
import { sameShape, sizeOf, type Shape, type Tensor } from './tensor.js'
import { fail } from './op.js'

/**
 * Every tensor that `outputs` are computed from, and themselves; inputs come before what uses them. Tensors that are in
 * `seen` are left out, with what only they need; the new ones are added to it.
 */
export function topologicalOrder(outputs: readonly Tensor[], seen = new Set<Tensor>()): Tensor[] {
  const order: Tensor[] = []
  // An explicit stack: training graphs are deeper than the call stack.
  const stack: { tensor: Tensor; next: number }[] = []
  const visit = (tensor: Tensor) => {
    if (seen.has(tensor)) return
    seen.add(tensor)
    stack.push({ tensor, next: 0 })
  }
  for (const output of outputs) {
    visit(output)
    for (let frame = stack.at(-1); frame !== undefined; frame = stack.at(-1)) {
      const input = frame.tensor.inputs[frame.next++]
      if (input !== undefined) visit(input)
      else order.push(stack.pop()!.tensor)
    }
  }
  return order
}

const differentiated = new WeakSet<Tensor>()

/** Whether a gradient has been carried through the tensor: then what its gradient can reuse is worth keeping. */
export function isDifferentiated(tensor: Tensor): boolean {
  return differentiated.has(tensor)
}

/** Zeros of a shape. */
export function zeros(shape: Shape): Tensor {
  return broadcastTo(
    constant(
      new Float32Array(1),
      shape.map(() => 1),
    ),
    shape,
  )
}

/**
 * Reverse-mode gradients of a scalar by each of `wrt`; zeros where it does not depend on one. They are tensors like any
 * other: their gradients are had the same way.
 *
 * @throws ShapeError when `loss` has more than one element.
 */
export function gradients(loss: Tensor, wrt: readonly Tensor[]): Tensor[] {
  if (loss.size !== 1) fail('gradients', [loss], 'the loss is one number; reduce it with sum or mean')
  return vectorJacobianProducts([loss], [constant(new Float32Array(sizeOf(loss.shape)).fill(1), loss.shape)], wrt)
}

/**
 * Cotangents of `outputs` carried back to each of `wrt`: the transposed Jacobian times the cotangents. With `partial`,
 * each of `wrt` is a variable of its own, even where one is computed from another.
 */
export function vectorJacobianProducts(
  outputs: readonly Tensor[],
  cotangents: readonly Tensor[],
  wrt: readonly Tensor[],
  { partial = false }: { partial?: boolean } = {},
): Tensor[] {
  const order = topologicalOrder(outputs)
  const needed = dependants(order, wrt)
  const leaves = new Set(partial ? wrt : [])
  const arrived = new Map<Tensor, Tensor>()
  const accumulate = (tensor: Tensor, gradient: Tensor) => {
    const before = arrived.get(tensor)
    arrived.set(tensor, before === undefined ? gradient : add(before, gradient))
  }
  outputs.forEach((output, i) => accumulate(output, cotangents[i]!))
  for (const tensor of order.reverse()) {
    const gradient = arrived.get(tensor)
    if (gradient === undefined || tensor.op.vjp === undefined || leaves.has(tensor)) continue
    if (!tensor.inputs.some((input) => needed.has(input))) continue
    differentiated.add(tensor)
    const parts = tensor.op.vjp({
      output: tensor,
      grad: gradient,
      inputs: tensor.inputs,
      attributes: tensor.attributes,
    })
    tensor.inputs.forEach((input, i) => {
      const make = parts[i]
      if (!make || !needed.has(input)) return
      const part = make()
      if (!sameShape(part.shape, input.shape)) fail(`gradient of ${tensor.op.name}`, [part, input], 'the shapes differ')
      accumulate(input, part)
    })
  }
  return wrt.map((tensor) => arrived.get(tensor) ?? zeros(tensor.shape))
}

/** The tensors of `order` that one of `sources` has a part in. */
function dependants(order: readonly Tensor[], sources: readonly Tensor[]): Set<Tensor> {
  const found = new Set(sources)
  for (const tensor of order) if (tensor.inputs.some((input) => found.has(input))) found.add(tensor)
  return found
}
