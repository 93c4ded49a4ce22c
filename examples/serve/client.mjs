// Makes a clip of a picture with the official client of OpenAI: node client.mjs cat.png cat.mp4
import OpenAI from 'openai'
import { createReadStream } from 'node:fs'
import { writeFile } from 'node:fs/promises'

const [picture, out] = process.argv.slice(2)
const client = new OpenAI({
  baseURL: process.env.SFV_URL ?? 'http://127.0.0.1:8080/v1',
  apiKey: process.env.SFV_TOKEN ?? 'none',
})

let video = await client.videos.create({ prompt: '', input_reference: createReadStream(picture), seed: 7 })
while (video.status === 'queued' || video.status === 'in_progress') {
  await new Promise((resolve) => setTimeout(resolve, 200))
  video = await client.videos.retrieve(video.id)
}
if (video.status === 'failed') throw new Error(video.error.message)
const file = await client.videos.downloadContent(video.id)
await writeFile(out, Buffer.from(await file.arrayBuffer()))
