/** Decodes base64; what is not base64 is skipped, as mail readers do. */
export function decodeBase64(text: string): Buffer {
  return Buffer.from(text, 'base64')
}

/** Decodes quoted-printable (RFC 2045): soft line ends vanish, `=XX` and every letter is a byte. */
export function decodeQuotedPrintable(text: string): Buffer {
  const joined = text.replace(/=[ \t]*\r?\n/g, '')
  const bytes = joined.split(/(=[0-9a-f]{2})/i).map(piece => {
    const code = /^=([0-9a-f]{2})$/i.exec(piece)?.[1]
    return code === undefined ? Buffer.from(piece, 'latin1') : Buffer.from(code, 'hex')
  })
  return Buffer.concat(bytes)
}

/** Reads bytes in the named charset, or as UTF-8 when the name means nothing to us. */
export function decodeCharset(bytes: Buffer, charset: string): string {
  try {
    return new TextDecoder(charset).decode(bytes)
  } catch {
    // An unknown charset must not lose the mail: a few wrong letters are better than none.
    return new TextDecoder().decode(bytes)
  }
}
