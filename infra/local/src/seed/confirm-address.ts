import { setTimeout as sleep } from 'node:timers/promises'
import { waitUntil } from '../wait-until.ts'

const answerMs = 10_000
const mailWaitMs = 20_000
const pollMs = 250
/** The most that the mailbox shows on one page. */
const pageMax = 1_000

type Mail = { text: string; to: string[] }

/** The link by which a candidate confirms an address; undefined in any other mail. */
export function confirmLinkIn(text: string): string | undefined {
  return /^https?:\/\/\S+\/v1\/confirm\/\S+$/m.exec(text)?.[0]
}

/** Sends the form of the page behind the link. */
export async function openConfirmLink(link: string): Promise<number> {
  const answer = await fetch(link, {
    method: 'POST',
    body: new URLSearchParams({ confirm: 'yes' }),
    signal: AbortSignal.timeout(answerMs),
  })
  await answer.arrayBuffer()
  return answer.status
}

/** The links of all confirmation mails to an address, newest last. */
async function confirmLinksFor(mailboxUrl: string, email: string): Promise<string[]> {
  const { mails } = await readMails(`${mailboxUrl}/mails?to=${encodeURIComponent(email)}`)
  return mails.flatMap(({ text }) => confirmLinkIn(text) ?? [])
}

/**
 * Acts as a candidate after saving the first alert: waits for the mail and confirms the address.
 * @throws when the mail does not come in time, or the link is refused
 */
export async function confirmAddress(mailboxUrl: string, email: string): Promise<void> {
  let link: string | undefined
  const isThere = await waitUntil(async () => {
    link = (await confirmLinksFor(mailboxUrl, email)).at(-1)
    return link !== undefined
  }, mailWaitMs)
  if (!isThere || link === undefined) {
    throw new Error(`no confirmation mail within ${mailWaitMs / 1_000} s`)
  }
  const status = await openConfirmLink(link)
  if (status !== 200) throw new Error(`a confirmation link was answered with ${status}`)
}

/**
 * Confirms every address that gets a confirmation mail, until the signal aborts: for load with many
 * candidates. A mailbox or a service that is down for a while is asked again.
 */
export async function confirmAllAddresses(mailboxUrl: string, signal: AbortSignal): Promise<void> {
  /** Unset until the mailbox has answered its last position: earlier mails are not of this run. */
  let after: number | undefined
  while (!signal.aborted) {
    try {
      after ??= (await readMails(`${mailboxUrl}/mails?limit=1`)).nextAfter
      const page = await readMails(`${mailboxUrl}/mails?after=${after}&limit=${pageMax}`)
      for (const { text } of page.mails) {
        const link = confirmLinkIn(text)
        if (link !== undefined && !signal.aborted) await openConfirmLink(link)
      }
      after = page.nextAfter
      if (page.mails.length === pageMax) continue
    } catch {
      // Load runs with faults in it: the next round asks again from the same position.
    }
    await sleep(pollMs, undefined, { signal }).catch(() => undefined)
  }
}

async function readMails(url: string): Promise<{ mails: Mail[]; nextAfter: number }> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(answerMs) })
  if (!answer.ok) throw new Error(`the mailbox answered ${answer.status}`)
  return (await answer.json()) as { mails: Mail[]; nextAfter: number }
}
