// <MovingPicture src="/cat.png" model="/model" seed={7} />: shows the picture, and the clip of it as soon as that is made.
import { useEffect, useState } from 'react'
import { ImageToVideo } from 'sfv/web'

// One model for all components of a page.
const models = new Map()
const open = (address) => {
  if (!models.has(address)) models.set(address, ImageToVideo.fromPretrained(address))
  return models.get(address)
}

export function MovingPicture({ src, model, seed = 0, alt = '', onError }) {
  const [clip, setClip] = useState()
  useEffect(() => {
    const stop = new AbortController()
    let url
    async function animate() {
      const sfv = await open(model)
      const made = await sfv.animate(src, { seed, signal: stop.signal })
      const { blob } = await made.toFile({ format: 'webp' })
      if (stop.signal.aborted) return
      url = URL.createObjectURL(blob)
      setClip(url)
    }
    animate().catch((error) => stop.signal.aborted || onError?.(error))
    return () => {
      stop.abort()
      setClip(undefined)
      if (url) URL.revokeObjectURL(url)
    }
  }, [src, model, seed])
  return <img src={clip ?? src} alt={alt} data-moving={clip !== undefined} />
}
