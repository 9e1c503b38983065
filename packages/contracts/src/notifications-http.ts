import { type Static, Type } from 'typebox'
import { Area, SalaryEurPerYear, Seniority } from './listings-http.ts'
import { Id, searchText, strict } from './primitives.ts'

export const SaveAlertRequest = Type.Object(
  {
    email: Type.String({
      minLength: 3,
      maxLength: 254,
      // Only what costs no time to tell; `readEmailAddress` decides.
      pattern: '^[^@]{1,64}@[^@]{1,253}$',
      description:
        'A plain address: no display name, no quotes, no comments. Case does not tell two apart.',
    }),
    text: Type.Optional(searchText),
    area: Type.Optional(Area),
    seniority: Type.Optional(Seniority),
    salaryAtLeastEurPerYear: Type.Optional(SalaryEurPerYear),
  },
  strict,
)
export type SaveAlertRequest = Static<typeof SaveAlertRequest>

/** No e-mail address: whoever saves an alert knows it, and nobody else is to learn it. */
export const AlertResponse = Type.Object({ alertId: Id }, { ...strict, $id: 'Alert' })
export type AlertResponse = Static<typeof AlertResponse>

/** What a link in a mail ends with: an id, a version and a signature. */
export const LinkParams = Type.Object(
  { token: Type.String({ pattern: '^[A-Za-z0-9_.-]{20,100}$' }) },
  strict,
)

/**
 * RFC 8058: mail clients send exactly this, as a form. Other fields are let through, unread: a client
 * that adds one has still been asked by its user to end the mails.
 */
export const UnsubscribeForm = Type.Object({ 'List-Unsubscribe': Type.Literal('One-Click') })
/** What the button of our own page sends. */
export const ConfirmForm = Type.Object({ confirm: Type.Literal('yes') })
