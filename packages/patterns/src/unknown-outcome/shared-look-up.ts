import { ADDRCONFIG, type LookupAddress } from 'node:dns'
import { lookup } from 'node:dns/promises'
import type { LookupFunction } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** An address is used again without a question for this long. So a dependency that moves is found soon. */
const freshMs = 5_000
/** It is used for this long while the resolver has no answer: longer than most of its outages. */
const staleMaxMs = 600_000
/** A resolver that works answers within this time, and then an old address is not needed. */
const answerSoonMs = 150

type Ask = (name: string) => Promise<LookupAddress[]>
type Found = Readonly<{ addresses: LookupAddress[]; askedAtMs: number }>

/**
 * Looks names up for the sockets of one client, with at most one question for a name at a time.
 *
 * Node asks the resolver of the machine, and each question holds one of the four threads of libuv's
 * pool until it is answered. Without an answer that takes five seconds and more. A socket that gives
 * up sooner does not end it. So four connections to a name that does not resolve would stop whatever
 * else needs the pool: files, and the log-in of every new connection to PostgreSQL.
 * @param now milliseconds of a monotonic clock
 */
export function sharedLookUp(
  ask: Ask = askMachine,
  now: () => number = () => performance.now(),
): LookupFunction {
  // A client has one dependency, so these have one name.
  const known = new Map<string, Found>()
  const asking = new Map<string, Promise<LookupAddress[]>>()

  async function askAndKeep(name: string): Promise<LookupAddress[]> {
    try {
      const askedAtMs = now()
      const addresses = await ask(name)
      known.set(name, { addresses, askedAtMs })
      return addresses
    } finally {
      asking.delete(name)
    }
  }

  function askOnce(name: string): Promise<LookupAddress[]> {
    const answer = asking.get(name) ?? askAndKeep(name)
    asking.set(name, answer)
    return answer
  }

  async function find(name: string): Promise<LookupAddress[]> {
    const last = known.get(name)
    const ageMs = last === undefined ? Number.POSITIVE_INFINITY : now() - last.askedAtMs
    if (last && ageMs < freshMs) return last.addresses
    const answer = askOnce(name)
    if (last === undefined || ageMs >= staleMaxMs) return answer
    // Without an answer the last address is used, and the next caller asks again.
    return Promise.race([
      answer.catch(() => last.addresses),
      sleep(answerSoonMs, last.addresses, { ref: false }),
    ])
  }

  return (name, { all }, done) => {
    find(name).then(
      addresses => {
        const [first] = addresses
        if (all || first === undefined) done(null, addresses)
        else done(null, first.address, first.family)
      },
      (error: NodeJS.ErrnoException) => done(error, []),
    )
  }
}

/** Node asks the same for a socket: only addresses of a kind that this machine has itself. */
function askMachine(name: string): Promise<LookupAddress[]> {
  return lookup(name, { all: true, hints: ADDRCONFIG })
}
