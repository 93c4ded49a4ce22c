// The headers let WebAssembly use threads; the development server must not bundle the library's workers anew.
const headers = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' }

export default {
  base: './',
  optimizeDeps: { exclude: ['sfv', 'onnxruntime-web'] },
  server: { headers },
  preview: { headers },
}
