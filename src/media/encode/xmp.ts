/** XMP (ISO 16684-1) with nothing but `dc:description`. */
export function xmpPacket(description: string): string {
  const text = description.replace(/[&<>]/g, (letter) => `&#${letter.charCodeAt(0)};`)
  return (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">' +
    '<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:description><rdf:Alt>' +
    `<rdf:li xml:lang="x-default">${text}</rdf:li>` +
    '</rdf:Alt></dc:description></rdf:Description></rdf:RDF></x:xmpmeta>'
  )
}
