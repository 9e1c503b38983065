import { type ReadAddress, readEmailAddress } from '@nightshift/contracts/email-address'
import type { SaveAlertRequest } from '@nightshift/contracts/notifications-http'
import { searchTermsOf } from '@nightshift/contracts/search-terms'

export type SaveAlertDeps = {
  /** Runs one transaction in which no other request changes the alerts of this address. */
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
  /** Plans a confirmation mail, unless the address is confirmed or got such a mail recently. */
  requestConfirmation: () => Promise<void>
}

export type Alert = Omit<SaveAlertRequest, 'email'> & {
  /** The search terms of the text, sorted. */
  terms: readonly string[] | undefined
  /** The longest term, which is probably in few listings. */
  anchor: string
}

export type SavedAlert =
  | { kind: 'saved'; alertId: string }
  | { kind: 'no-address' }
  | { kind: 'nothing-searchable' }
  | { kind: 'too-many-alerts' }

/**
 * Saves an alert, or finds the same one. It has no effect until the address is confirmed by a link.
 * The answer does not depend on this, so that no caller learns which addresses have alerts here.
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
    await tx.requestConfirmation()
    return { kind: 'saved', alertId: same ?? newAlertId }
  })
}

function longestOf(terms: readonly string[]): string {
  return terms.reduce((longest, term) => (term.length > longest.length ? term : longest), '')
}
