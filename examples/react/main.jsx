import { createRoot } from 'react-dom/client'
import { MovingPicture } from './MovingPicture.jsx'

createRoot(document.getElementById('root')).render(
  <MovingPicture src="balloon.png" model={new URL('model', document.baseURI).href} seed={7} alt="a balloon" />,
)
