import { promises } from '@nightshift/load-tests/auditor/promises'
import type { FollowCharges } from '../clients/follow-charges.ts'
import {
  type ChargeLedger,
  type Followed,
  openChargeLedger,
  type ProviderLine,
} from '../domain/charge-ledger.ts'
import { type BoardLine, promiseBoard } from '../domain/promise-board.ts'
import { limits } from '../limits.ts'
import type { Observer } from './observer.ts'

export type PromiseWatch = Readonly<{
  board: () => readonly BoardLine[]
  stop: () => Promise<void>
}>

const statements = Object.fromEntries(promises.map(({ code, statement }) => [code, statement]))

/** Looks every five seconds at what can be looked at while the system runs. */
export function openPromiseWatch(
  observer: Pick<Observer, 'latest' | 'counted'>,
  cardProviderUrl: string,
  follow: FollowCharges,
): PromiseWatch {
  const ledger = openChargeLedger(limits.promises.rememberedMax)
  let isReadable = false
  let followed: Followed | undefined
  let timer: NodeJS.Timeout | undefined
  let isStopped = false

  async function look(): Promise<void> {
    try {
      await readOn(cardProviderUrl, ledger)
      isReadable = true
    } catch {
      // The board says that the log cannot be read, and shows no number.
      isReadable = false
    }
    followed = isReadable ? await followAged().catch(() => undefined) : undefined
    if (isStopped) return
    timer = setTimeout(() => {
      looking = look()
    }, limits.promises.everyMs)
  }
  function followAged(): Promise<Followed> {
    const { settledMs, followedMs, followedMax } = limits.promises
    const now = Date.now()
    return follow(ledger.between(now - followedMs, now - settledMs, followedMax))
  }

  let looking = look()

  return {
    board: () =>
      promiseBoard(statements, {
        figures: observer.latest()?.figures,
        ...(followed && { followed }),
        ...(isReadable && { charges: { count: ledger.count(), doubles: ledger.doubles() } }),
        ...observer.counted(),
      }),
    async stop() {
      isStopped = true
      clearTimeout(timer)
      await looking
    },
  }
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
    const answer = await fetch(url, { signal: AbortSignal.timeout(pageMs) })
    if (!answer.ok) throw new Error(`the card provider answered ${answer.status}`)
    const { lines, nextAfter, hasMore } = (await answer.json()) as Page
    ledger.add(lines)
    if (!hasMore) return
    after = nextAfter
  }
}
