import { type Static, Type } from 'typebox'
import { Area, SalaryEurPerYear, Seniority } from './listings-http.ts'
import { Id, searchText, strict } from './primitives.ts'

export const SaveAlertRequest = Type.Object(
  {
    email: Type.String({
      minLength: 3,
      maxLength: 254,
      // Only a quick first check: `readEmailAddress` decides.
      pattern: '^[^@]{1,64}@[^@]{1,253}$',
      description:
        'A plain address: no display name, no quotes, no comments. Upper and lower case are equal.',
    }),
    text: Type.Optional(searchText),
    area: Type.Optional(Area),
    seniority: Type.Optional(Seniority),
    salaryAtLeastEurPerYear: Type.Optional(SalaryEurPerYear),
  },
  strict,
)
export type SaveAlertRequest = Static<typeof SaveAlertRequest>

/** The answer has no e-mail address: the caller knows it, and no other reader may learn it. */
export const AlertResponse = Type.Object({ alertId: Id }, { ...strict, $id: 'Alert' })
export type AlertResponse = Static<typeof AlertResponse>

/** The token at the end of a link in a mail: an id, a version and a signature. */
export const LinkParams = Type.Object(
  { token: Type.String({ pattern: '^[A-Za-z0-9_.-]{20,100}$' }) },
  strict,
)

/**
 * RFC 8058: mail clients send this form. Other fields are accepted and ignored: the user of a
 * client that adds one wants to unsubscribe all the same.
 */
export const UnsubscribeForm = Type.Object({ 'List-Unsubscribe': Type.Literal('One-Click') })
/** The form that the button of our own page sends. */
export const ConfirmForm = Type.Object({ confirm: Type.Literal('yes') })
