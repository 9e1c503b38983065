import { RollBack, type Transaction } from '@nightshift/runtime/postgres/postgres'

/** Runs work in one transaction. Its events are published if the transaction commits. */
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

/** A subject whose transaction is open while the provider is called. */
type Open<Change> = { end: (how: Change | 'undecided') => void; ended: Promise<boolean> }

/**
 * One business transaction around everything, claim included. It looks safe and is not. The
 * transaction occupies a connection for as long as the provider takes. Each duplicate occupies one
 * too: its INSERT waits until the first transaction ends. Without a decision the transaction is
 * rolled back, as frameworks do. This undoes the claim and the payment, and not the charge.
 */
export function oneTransaction<Publish, Request, Subject, Refusal, Change>(
  steps: Steps<Publish, Request, Subject, Refusal, Change>,
) {
  const open = new Map<string, Open<Change>>()
  const remove = (id: string) => {
    const transaction = open.get(id)
    open.delete(id)
    return transaction
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
      // An error before the claim rejects the claim. A later one reaches the caller through
      // `ended`.
      ended.catch(claimed.reject)
      return claimed.promise
    },

    /** Undefined if no transaction is open for this id: it ended long ago. */
    async commit(id: string, change: Change): Promise<boolean | undefined> {
      const transaction = remove(id)
      transaction?.end(change)
      return transaction?.ended
    },

    async giveUp(id: string): Promise<void> {
      const transaction = remove(id)
      transaction?.end('undecided')
      await transaction?.ended
    },
  }
}
