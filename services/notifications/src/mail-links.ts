import { readLink, signLink } from '@nightshift/runtime/http/signed-link'
import type { MailLinks } from './domain/mail.ts'

/** The content of a link to confirm an address. */
export type Confirmation = { addressId: string; consentVersion: number }

export type Links = MailLinks & {
  readConfirm: (token: string) => Confirmation | undefined
  /** The id of the address. */
  readUnsubscribe: (token: string) => string | undefined
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/**
 * Makes and reads the links in mails. A confirmation is valid for one version of the consent, so
 * that it can't undo a later unsubscribe. An unsubscribe is always valid.
 * @param secrets the first one signs, and all are accepted
 */
export function mailLinks(publicUrl: string, secrets: readonly [string, ...string[]]): Links {
  const [secret] = secrets
  return {
    confirm: ({ addressId, consentVersion }) => {
      return `${publicUrl}/v1/confirm/${signLink(secret, 'confirm', `${addressId}.${consentVersion}`)}`
    },
    unsubscribe: ({ addressId }) => {
      return `${publicUrl}/v1/unsubscribe/${signLink(secret, 'unsubscribe', addressId)}`
    },
    readConfirm: token => {
      const [addressId = '', version = ''] = readLink(secrets, 'confirm', token)?.split('.') ?? []
      if (!uuid.test(addressId) || !/^\d{1,9}$/.test(version)) return undefined
      return { addressId, consentVersion: Number(version) }
    },
    readUnsubscribe: token => {
      const addressId = readLink(secrets, 'unsubscribe', token)
      return addressId !== undefined && uuid.test(addressId) ? addressId : undefined
    },
  }
}
