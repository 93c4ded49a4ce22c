/** Text as it stands in HTML and in attributes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`)
}

/** What an HTML page that needs no other file consists of. */
export interface Page {
  /** Plain text. */
  readonly title: string
  /** CSS. */
  readonly style: string
  /** HTML. */
  readonly body: string
}

/** A report as one HTML page. */
export function htmlPage({ title, style, body }: Page): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
</head>
<body>
${body}
</body>
</html>
`
}
