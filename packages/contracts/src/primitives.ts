import { type Static, Type } from 'typebox'

/** Refuse what we do not know: an unknown field is a mistake or an attack, never noise to trim. */
export const strict = { additionalProperties: false } as const

export const Id = Type.String({
  pattern: '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$',
  description: 'A UUID in lower case.',
})

/** RFC 3339 has a year 0 and offsets of 23 hours, too; PostgreSQL has neither. */
export const Timestamp = Type.String({
  format: 'date-time',
  pattern: '^[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,18}Z$',
  description: 'RFC 3339, UTC.',
})

/** Minor units, so that no amount is ever a float. The upper bound is a sanity limit, not a rule. */
export const AmountCents = Type.Integer({ minimum: 1, maximum: 99_999_999 })

export const Currency = Type.Enum(['EUR'], { description: 'ISO 4217.' })
export type Currency = Static<typeof Currency>

/**
 * One line of text. Control characters are refused at the door: NUL makes PostgreSQL fail, CR and LF
 * forge mail headers and log lines. So are the characters that turn the direction of text around.
 */
export function singleLine(maxLength: number, description: string) {
  return Type.String({
    minLength: 1,
    maxLength,
    pattern: '^[^\\u0000-\\u001f\\u007f\\u202a-\\u202e\\u2066-\\u2069]*$',
    description,
  })
}

/** Text with line breaks and tabs, and no other control character. */
export function multiLine(maxLength: number, description: string) {
  return Type.String({
    minLength: 1,
    maxLength,
    pattern:
      '^[^\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f\\u007f\\u202a-\\u202e\\u2066-\\u2069]*$',
    description,
  })
}

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
