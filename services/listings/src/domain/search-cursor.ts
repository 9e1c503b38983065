/** The last listing of a page. A JavaScript date would cut the microseconds off and skip rows. */
export type SearchCursor = { publishedMicros: string; listingId: string }

/** The cursor is opaque to clients, so that its form can change. */
export function encodeCursor(cursor: SearchCursor): string {
  return Buffer.from(`${cursor.publishedMicros}.${cursor.listingId}`).toString('base64url')
}

/** Undefined if the text was not made by `encodeCursor`. */
export function decodeCursor(text: string): SearchCursor | undefined {
  const match = /^(\d{1,18})\.([0-9a-f-]{36})$/.exec(Buffer.from(text, 'base64url').toString())
  if (!match?.[1] || !match[2]) return undefined
  const cursor = { publishedMicros: match[1], listingId: match[2] }
  return encodeCursor(cursor) === text && uuid.test(match[2]) ? cursor : undefined
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
