import { type Static, Type } from 'typebox'

/** Unknown fields are refused, not trimmed: each is a mistake of the caller or an attack. */
export const strict = { additionalProperties: false } as const

export const Id = Type.String({
  pattern: '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$',
  description: 'A UUID in lower case.',
})

/**
 * Stricter than RFC 3339, which allows a year 0 and offsets of 23 hours. PostgreSQL has neither.
 */
export const Timestamp = Type.String({
  format: 'date-time',
  pattern: '^[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,18}Z$',
  description: 'RFC 3339, UTC.',
})

/** Minor units, so that no amount is ever a float. The upper bound only stops absurd amounts. */
export const AmountCents = Type.Integer({ minimum: 1, maximum: 99_999_999 })

export const Currency = Type.Enum(['EUR'], { description: 'ISO 4217.' })
export type Currency = Static<typeof Currency>

/**
 * The characters that text may contain, by Unicode classes: a list of characters is never complete.
 * The whole class `C` is refused: control characters (NUL makes PostgreSQL fail, CR and LF forge
 * mail headers and log lines, C1 controls steer terminals), format characters (some reverse the
 * direction of text, some hide text in tags), halves of surrogate pairs, private use and unassigned
 * code points.
 *
 * Four format characters are accepted, because words are spelled and broken with them: the
 * zero-width joiner and non-joiner (Persian, Indic scripts, emoji), the zero-width space (Khmer,
 * Thai) and the soft hyphen. Tags are accepted behind a black flag, where they make the flags of
 * England and Scotland.
 *
 * Each character fits one alternative only, so that matching takes time in proportion to the text.
 * Fastify's serializer compiles each pattern once without the flag `u`, so no range ends beyond
 * U+FFFF.
 */
const tag = '(?!\\u200D)(?=\\p{Cf})\\p{Emoji_Component}'
const flag = `\\u{1F3F4}(?:(?:${tag}){1,6}\\u{E007F})?`
const harmlessFormats = '[\\u00AD\\u200B-\\u200D]'
const lineCharacter = `[^\\p{C}\\p{Zl}\\p{Zp}\\u{1F3F4}]|${harmlessFormats}|${flag}`
const textCharacter = `[^\\p{C}\\u{1F3F4}]|[\\n\\t]|\\r\\n|${harmlessFormats}|${flag}`
/**
 * At least one visible character. The fillers of Hangul are letters and blank Braille is a symbol.
 */
const somethingVisible =
  '(?=[\\s\\S]*?(?![\\p{Default_Ignorable_Code_Point}\\u2800])[\\p{L}\\p{N}\\p{P}\\p{S}])'

/** One line of text with at least one visible character. */
export function singleLine(maxLength: number, description: string) {
  const pattern = `^${somethingVisible}(?:${lineCharacter})*$`
  return Type.String({ minLength: 1, maxLength, pattern, description })
}

/** Text with line breaks and tabs, and at least one visible character. */
export function multiLine(maxLength: number, description: string) {
  const pattern = `^${somethingVisible}(?:${textCharacter})*$`
  return Type.String({ minLength: 1, maxLength, pattern, description })
}

/** A text without any search term is refused later, as `nothing-searchable`. */
export const searchText = Type.String({
  minLength: 1,
  maxLength: 200,
  pattern: `^(?:${lineCharacter})*$`,
  description: 'Words that a listing must contain, all of them, in any order.',
})

/**
 * Syntax of an Idempotency-Key header. Modelled on Stripe's documented behaviour and an IETF draft
 * that has expired (draft-ietf-httpapi-idempotency-key-header-07); it is not an RFC.
 */
export const IdempotencyKey = Type.String({
  minLength: 16,
  maxLength: 64,
  pattern: '^[A-Za-z0-9_.:-]+$',
  description: 'One key per intent of the user, not per attempt. 16 to 64 of A-Z a-z 0-9 _ . : -',
})
