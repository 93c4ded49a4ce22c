import { frameCanvas } from './reel.js'
import type { Ready } from './saver.js'
import type { Made } from './store.js'

/**
 * Copies a moving picture. No browser takes one into its clipboard as it is: what takes HTML, as letters and documents do, is given
 * the file within it, all else the first picture. Both may still be made: a click permits the copy for a moment alone.
 */
export function copyPicture(file: Promise<Ready>, { clip, name }: Made): Promise<void> {
  const html = async () => {
    const { blob } = await file
    const alt = name.replace(/[<>&"]/g, '')
    return new Blob([`<img src="${await dataAddress(blob)}" alt="${alt}">`], { type: 'text/html' })
  }
  const still = () =>
    new Promise<Blob>((resolve, reject) => {
      const done = (blob: Blob | null) => (blob ? resolve(blob) : reject(new Error('the picture cannot be copied')))
      frameCanvas(clip, 0).toBlob(done, 'image/png')
    })
  return navigator.clipboard.write([new ClipboardItem({ 'text/html': html(), 'image/png': still() })])
}

function dataAddress(blob: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader()
    reader.onload = () => resolve(reader.result as string)
    reader.onerror = () => reject(reader.error ?? new Error('the file cannot be read'))
    reader.readAsDataURL(blob)
  })
}
