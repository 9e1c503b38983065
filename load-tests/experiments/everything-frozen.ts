import { setTimeout as sleep } from 'node:timers/promises'
import { serviceNames } from '@nightshift/local/system/secrets'
import { type Evidence, rowsOf } from '../auditor/evidence.ts'
import { steadyLoad } from '../harness/steady-load.ts'
import { whileSlow } from '../harness/while-faulty.ts'
import type { Experiment, ExperimentContext } from '../runner/experiment.ts'
import { type Caller, callersIn } from './caller-figures.ts'

const callersPerSecond = 12
/** So many calls are under way at any moment that a breaker would judge by them: more than ten. */
const providerLatencyMs = 1_300
/**
 * After the short stall, every call to the provider is late, and its caller still waits. After the long
 * one, the limits for a whole request have passed too, and payments has cut those callers off.
 */
const shortStallMs = 3_000
const longStallMs = 10_000
const patienceMs = 14_000
const catchUpMs = 6_000

/** Every process of ours stands still and goes on, as on a host that swaps or is moved. */
export const everythingFrozen: Experiment = {
  name: 'everything-frozen',
  title: 'All services stand still for three and for ten seconds, and the card provider does not',
  area: 'resilience',
  pattern: 'local-stall',
  hypothesis: 'A stall of our own is not taken for a silence of the card provider.',
  arms: {
    with: {},
    naive: {
      payments: { PATTERN_LOCAL_STALL: 'naive' },
      listings: { PATTERN_LOCAL_STALL: 'naive' },
    },
  },
  run: ['card-provider', 'mailbox', 'payments', 'listings', 'notifications'],
  paysDirectly: true,
  breaksNoPromise: true,
  size: { full: 600, short: 200 },
  method: context =>
    whileSlow(context, providerLatencyMs, async () => {
      const { client, size } = context
      const load = steadyLoad(callersPerSecond, () =>
        client.payAndLeave('acme', { waitMs: patienceMs }),
      )
      do {
        await sleep(catchUpMs)
        await freeze(context, shortStallMs)
        await sleep(catchUpMs)
        await freeze(context, longStallMs)
      } while (load.begun() < size)
      await load.stop()
    }),
  sometimes: [...serviceNames.map(name => `pause.${name} >= 1`), 'payment.captured >= 1'],
  figures: evidence => {
    const callers = callersIn(evidence)
    const waiting = callersAtShortStalls(evidence)
    const count = (of: readonly Caller[], status: number) =>
      of.filter(caller => caller.status === status).length
    return {
      callers: callers.length,
      callersAtStall: waiting.length,
      paidAfterStall: count(waiting, 201),
      givenUp: count(waiting, 202),
      leftOpenInAll: count(callers, 202),
      refusedInAll: count(callers, 503),
      withoutAnswerInAll: count(callers, 0),
    }
  },
  shows: {
    figure: 'givenUp',
    of: 'callersAtStall',
    atLeast: 5,
    unit: 'calls given up although the provider had answered',
  },
}

/** Stops all services for so long. */
async function freeze({ system, recordFault }: ExperimentContext, stallMs: number): Promise<void> {
  for (const name of serviceNames) {
    recordFault('process', 'begin', name, { signal: 'SIGSTOP', stallMs })
  }
  await Promise.all(serviceNames.map(name => system.signal(name, 'SIGSTOP')))
  await sleep(stallMs)
  await Promise.all(serviceNames.map(name => system.signal(name, 'SIGCONT')))
  for (const name of serviceNames) recordFault('process', 'end', name)
}

/** The callers who had asked before a short stall began, and were told something after it was over. */
function callersAtShortStalls(evidence: Evidence): Caller[] {
  const faults = rowsOf(evidence.faultLog)
  const firstAt = faults.find(({ action }) => action === 'begin')?.t ?? 0
  const stalls = faults.filter(({ signal, name }) => signal === 'SIGSTOP' && name === 'payments')
  const shortStalls = stalls.filter((_stall, nth) => nth % 2 === 0).map(({ t }) => t - firstAt)
  return callersIn(evidence).filter(({ sinceFaultMs, waitMs }) =>
    shortStalls.some(
      beginMs => sinceFaultMs < beginMs && sinceFaultMs + waitMs >= beginMs + shortStallMs,
    ),
  )
}
