import { type Static, Type } from 'typebox'
import { Area, SalaryEurPerYear, Seniority } from './listings-http.ts'
import { EmailAddress, Id, searchText, strict } from './primitives.ts'

export const SaveAlertRequest = Type.Object(
  {
    email: EmailAddress,
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
