import { RollBack, type Transaction } from '@nightshift/runtime/postgres/postgres'

/** Runs work in one transaction. What it publishes is published if the transaction commits. */
type Transact<Publish> = <T>(work: (tx: Transaction, publish: Publish) => Promise<T>) => Promise<T>

type Steps<Publish, Request, Subject, Refusal, Change> = Readonly<{
  transact: Transact<Publish>
  claim: (
    tx: Transaction,
    request: Request,
  ) => Promise<{ kind: 'claimed'; subject: Subject } | { kind: 'refused'; refusal: Refusal }>
  commit: (tx: Transaction, publish: Publish, change: Change) => Promise<boolean>
  idOf: (subject: Subject) => string
}>

/** A subject whose transaction is open while the other side is called. */
type Open<Change> = { end: (how: Change | 'undecided') => void; ended: Promise<boolean> }

/**
 * The claim inside the business transaction, around everything: it looks as if it could not be wrong.
 * The transaction, and with it a connection, is held for as long as the other side takes. Each
 * duplicate holds one too: its INSERT waits until the first is over. And what ends without a decision
 * is rolled back, as frameworks do it: the claim and the payment, and not the charge.
 */
export function oneTransaction<Publish, Request, Subject, Refusal, Change>(
  steps: Steps<Publish, Request, Subject, Refusal, Change>,
) {
  const open = new Map<string, Open<Change>>()
  const take = (id: string) => {
    const one = open.get(id)
    open.delete(id)
    return one
  }
  return {
    claim(request: Request): Promise<Awaited<ReturnType<typeof steps.claim>>> {
      const claimed = Promise.withResolvers<Awaited<ReturnType<typeof steps.claim>>>()
      const ended = steps.transact(async (tx, publish) => {
        const claim = await steps.claim(tx, request)
        if (claim.kind === 'refused') {
          claimed.resolve(claim)
          throw new RollBack(false)
        }
        const decision = Promise.withResolvers<Change | 'undecided'>()
        open.set(steps.idOf(claim.subject), { end: decision.resolve, ended })
        claimed.resolve(claim)
        const how = await decision.promise
        if (how === 'undecided') throw new RollBack(false)
        return steps.commit(tx, publish, how)
      })
      // An error before the claim is its answer; a later one reaches the waiter for `ended`.
      ended.catch(claimed.reject)
      return claimed.promise
    },

    /** Undefined if there is no open transaction for this id: it ended long ago. */
    async commit(id: string, change: Change): Promise<boolean | undefined> {
      const one = take(id)
      one?.end(change)
      return one?.ended
    },

    async giveUp(id: string): Promise<void> {
      const one = take(id)
      one?.end('undecided')
      await one?.ended
    },
  }
}
