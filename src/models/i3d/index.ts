export { I3D_LEAST_FRAMES, inceptionI3d } from './i3d.js'
