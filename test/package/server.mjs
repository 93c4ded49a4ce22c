// A server's work in an app that has sfv installed: four requests at once. Prints what came of them as JSON.
import { readFileSync } from 'node:fs'
import { ImageToVideo } from 'sfv'

const [picture] = process.argv.slice(2)
const sfv = await ImageToVideo.fromPretrained()
await (await sfv.animate(picture, { seed: 0 })).toBuffer('webp')

// Nanoseconds that this thread has had a core: other programs of a busy machine do not count.
const busy = () => Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6
let [last, longest] = [busy(), 0]
const timer = setInterval(() => {
  const now = busy()
  longest = Math.max(longest, now - last)
  last = now
}, 1)
const order = []
const clips = await Promise.all(
  [1, 2, 3, 4].map(async (seed) => {
    const clip = await sfv.animate(picture, { seed })
    order.push(seed)
    return (await clip.toBuffer('webp')).length
  }),
)
clearInterval(timer)
await sfv.dispose()
const after = await sfv.animate(picture).catch((error) => error.name)
process.stdout.write(JSON.stringify({ order, clips, longest, after }))
