import { type ReadAddress, readEmailAddress } from '@nightshift/contracts/email-address'
import type { SaveAlertRequest } from '@nightshift/contracts/notifications-http'
import { searchTermsOf } from '@nightshift/contracts/search-terms'

export type SaveAlertDeps = {
  /** One transaction, in which no other request saves or ends alerts of this address. */
  withAddress: (
    address: ReadAddress,
    work: (tx: AlertTransaction) => Promise<SavedAlert>,
  ) => Promise<SavedAlert>
  perAddressMax: number
}

export type AlertTransaction = {
  findSame: (alert: Alert) => Promise<string | undefined>
  countAlerts: () => Promise<number>
  insertAlert: (alertId: string, alert: Alert) => Promise<void>
  /** Intends a confirmation mail, unless the address is confirmed or was asked not long ago. */
  askForConfirmation: () => Promise<void>
}

export type Alert = Omit<SaveAlertRequest, 'email'> & {
  /** What the text means, in a fixed order. */
  terms: readonly string[] | undefined
  /** The longest of the terms, which is likely to be in few listings. */
  anchor: string
}

export type SavedAlert =
  | { kind: 'saved'; alertId: string }
  | { kind: 'no-address' }
  | { kind: 'nothing-searchable' }
  | { kind: 'too-many-alerts' }

/**
 * Saves an alert, or finds the same one. It counts only after its address was confirmed by a link,
 * and the answer is the same whether it is: it must not tell strangers who has alerts here.
 */
export async function saveAlert(
  { withAddress, perAddressMax }: SaveAlertDeps,
  newAlertId: string,
  { email, ...filters }: SaveAlertRequest,
): Promise<SavedAlert> {
  const address = readEmailAddress(email)
  if (address === undefined) return { kind: 'no-address' }
  const terms = filters.text === undefined ? undefined : searchTermsOf(filters.text).toSorted()
  if (terms?.length === 0) return { kind: 'nothing-searchable' }
  const alert = { ...filters, terms, anchor: longestOf(terms ?? []) }
  return withAddress(address, async tx => {
    const same = await tx.findSame(alert)
    if (same === undefined) {
      if ((await tx.countAlerts()) >= perAddressMax) return { kind: 'too-many-alerts' }
      await tx.insertAlert(newAlertId, alert)
    }
    await tx.askForConfirmation()
    return { kind: 'saved', alertId: same ?? newAlertId }
  })
}

function longestOf(terms: readonly string[]): string {
  return terms.reduce((longest, term) => (term.length > longest.length ? term : longest), '')
}
