import { promises } from '@nightshift/load-tests/auditor/promises'
import { mailLine } from '@nightshift/load-tests/auditor/sources/log-lines'
import type { FollowCharges } from '../clients/follow-charges.ts'
import {
  type ChargeLedger,
  type Followed,
  openChargeLedger,
  type ProviderLine,
} from '../domain/charge-ledger.ts'
import { type MailLedger, openMailLedger } from '../domain/mail-ledger.ts'
import { type BoardLine, promiseBoard, type Seen } from '../domain/promise-board.ts'
import { limits } from '../limits.ts'
import type { Observer } from './observer.ts'

export type PromiseWatch = Readonly<{
  board: () => readonly BoardLine[]
  stop: () => Promise<void>
}>

const statements = Object.fromEntries(promises.map(({ code, statement }) => [code, statement]))

export type PromiseWatchOptions = Readonly<{
  observer: Pick<Observer, 'latest' | 'counted'>
  cardProviderUrl: string
  mailboxUrl: string
  follow: FollowCharges
}>

/** Looks every five seconds at what can be looked at while the system runs. */
export function openPromiseWatch(options: PromiseWatchOptions): PromiseWatch {
  const { observer, cardProviderUrl, mailboxUrl, follow } = options
  const ledger = openChargeLedger(limits.promises.rememberedMax)
  const received = openMailLedger(limits.promises.rememberedMax)
  let seen: Pick<Seen, 'charges' | 'followed' | 'mails'> = {}
  let timer: NodeJS.Timeout | undefined
  let isStopped = false

  // What cannot be read is missing, and the board says so instead of a number.
  async function look(): Promise<void> {
    const isReadable = await isDone(readOn(cardProviderUrl, ledger))
    const followed = isReadable ? await followAged().catch(() => undefined) : undefined
    // Afterwards: the mail server has every mail that was called sent before.
    const hasMails = await isDone(readMails(mailboxUrl, received))
    seen = {
      ...(isReadable && { charges: { count: ledger.count(), doubles: ledger.doubles() } }),
      ...(followed && { followed }),
      ...(hasMails && { mails: mailsSeen(followed) }),
    }
    if (isStopped) return
    timer = setTimeout(() => {
      looking = look()
    }, limits.promises.everyMs)
  }

  function followAged(): Promise<Followed> {
    const { settledMs, followedMs, followedMax } = limits.promises
    const now = Date.now()
    const charges = ledger.between(now - followedMs, now - settledMs, followedMax)
    // The mail server may have forgotten mails that it got shortly before the first one we read.
    const mailsSinceMs = (received.sinceMs() ?? now) + limits.promises.settledMs
    return follow(charges, mailsSinceMs)
  }

  function mailsSeen(followed: Followed | undefined): NonNullable<Seen['mails']> {
    const missing = followed?.mailsSent.filter(id => !received.hasDelivery(id))
    return {
      count: received.count(),
      doubles: received.doubles(),
      ...(missing && { missing }),
    }
  }

  let looking = look()

  return {
    board: () =>
      promiseBoard(statements, {
        figures: observer.latest()?.figures,
        ...seen,
        ...observer.counted(),
      }),
    async stop() {
      isStopped = true
      clearTimeout(timer)
      await looking
    },
  }
}

function isDone(reading: Promise<void>): Promise<boolean> {
  return reading.then(
    () => true,
    () => false,
  )
}

type Page = Readonly<{ lines: readonly ProviderLine[]; nextAfter: number; hasMore: boolean }>

/**
 * Reads on in the card provider's own log, and adds the new lines to the ledger.
 * @throws when the provider does not answer
 */
async function readOn(cardProviderUrl: string, ledger: ChargeLedger): Promise<void> {
  const { pagesMax, pageLines, pageMs } = limits.promises
  for (let pages = 0, after = ledger.lastSeq(); pages < pagesMax; pages += 1) {
    const url = new URL(`/log?after=${after}&limit=${pageLines}`, cardProviderUrl)
    const { lines, nextAfter, hasMore } = await readPage<Page>(url, pageMs)
    ledger.add(lines)
    if (!hasMore) return
    after = nextAfter
  }
}

type MailPage = Readonly<{
  mails: readonly Readonly<{
    id: string
    messageId: string | null
    to: readonly string[]
    text: string
    receivedAt: string
  }>[]
}>

/**
 * Reads on among the mails that the mail server has received.
 * @throws when the mail server does not answer, or has more new mails than one look reads
 */
async function readMails(mailboxUrl: string, received: MailLedger): Promise<void> {
  const { pagesMax, pageLines, pageMs } = limits.promises
  for (let pages = 0; pages < pagesMax; pages += 1) {
    const url = new URL(`/mails?after=${received.lastSeq()}&limit=${pageLines}`, mailboxUrl)
    const { mails } = await readPage<MailPage>(url, pageMs)
    if (mails.length === 0) return
    received.add(
      mails.flatMap(({ id, receivedAt: at, ...mail }) => {
        const seq = Number(id.replace('mail_', ''))
        return mailLine({ ...mail, at, seq, type: 'mail.accepted' }) ?? []
      }),
    )
  }
  throw new Error('there are more new mails than one look reads')
}

async function readPage<Answer>(url: URL, deadlineMs: number): Promise<Answer> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(deadlineMs) })
  if (!answer.ok) throw new Error(`${url.host} answered ${answer.status}`)
  return (await answer.json()) as Answer
}
