const KEY = 'sfv-theme'

/** Takes the theme that was chosen the last time; the system's where none was. */
export function restoreTheme(): void {
  const kept = localStorage.getItem(KEY)
  if (kept) document.documentElement.dataset['theme'] = kept
}

/** Changes between light and dark. */
export function toggleTheme(): void {
  const root = document.documentElement
  const isDark =
    (root.dataset['theme'] ?? (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : '')) === 'dark'
  root.dataset['theme'] = isDark ? 'light' : 'dark'
  localStorage.setItem(KEY, root.dataset['theme'])
}
