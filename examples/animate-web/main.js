// A picture to a clip on the visitor's own machine; nothing is uploaded.
import { ImageToVideo } from 'sfv/web'

const [input, status, image] = ['input', '[role=status]', 'img'].map((selector) => document.querySelector(selector))
const percent = ({ loaded, total }) => Math.round((100 * loaded) / total)
const say = (text) => (status.textContent = text)

// The model is fetched when it is first wanted, and kept by the browser.
let model
const opened = () =>
  (model ??= ImageToVideo.fromPretrained(new URL('model', document.baseURI).href, {
    onDownload: (progress) => say(`Fetching the model: ${percent(progress)} %`),
  }))

input.addEventListener('change', async () => {
  try {
    const sfv = await opened()
    say('Moving it')
    const clip = await sfv.animate(input.files[0])
    const { blob } = await clip.toFile({ format: 'webp' })
    image.src = URL.createObjectURL(blob)
    image.hidden = false
    say('')
  } catch (error) {
    say(error.message)
  }
})
