import { type Evidence, rowsOf } from '../auditor/evidence.ts'
import { atRate } from '../harness/recording-client.ts'
import { openSlowClients, type SlowClientKind } from '../harness/slow-clients.ts'
import { eventually } from '../harness/test-client.ts'
import type { Experiment, ExperimentContext } from '../runner/experiment.ts'

const callersPerSecond = 20
/** Together more than the 1,000 connections that a service takes. */
const ofEachKind = 400
/** By then an attack of a thousand clients has begun. Those that are cut off come back all the time. */
const takenMin = 900
/** A caller that was here before the attack would keep the connection that it has. These are new. */
const ownConnection = { connection: 'close' }
/** Every limit of the services for one request or answer is shorter. */
const oldMs = 20_000

/** Clients take all connections of listings and keep them, while employers write drafts. */
export const slowClients: Experiment = {
  name: 'slow-clients',
  title: 'Slow and silent clients take all connections',
  area: 'resilience',
  pattern: 'slow-clients',
  hypothesis: 'Callers are served, however many clients are slow or silent.',
  arms: { with: {}, naive: { listings: { PATTERN_SLOW_CLIENTS: 'naive' } } },
  run: ['card-provider', 'mailbox', 'payments', 'listings', 'notifications'],
  breaksNoPromise: true,
  size: { full: 600, short: 480 },
  method: async context => {
    const { system, client, recordFault, size } = context
    recordFault('clients', 'begin', 'listings')
    let stillOpen = 0
    {
      using slow = openSlowClients(system.urls.listings, kindsOf(context), ofEachKind)
      await eventually('the slow clients have taken the connections', async () =>
        slow.openFor(0) >= takenMin ? true : undefined,
      )
      await atRate(() => client.askForDraft('acme', ownConnection), size, callersPerSecond)
      stillOpen = slow.openFor(oldMs)
    }
    recordFault('clients', 'end', 'listings', { stillOpen })
  },
  sometimes: ['fault.clients >= 1', 'listing.live >= 1'],
  figures: evidence => {
    const faults = rowsOf(evidence.faultLog)
    const statuses = draftsDuringFault(evidence)
    return {
      callers: statuses.length,
      notServed: statuses.filter(status => status !== 201).length,
      refused: statuses.filter(status => status === 503).length,
      slowOpenAfter20s: faults.find(({ stillOpen }) => stillOpen !== undefined)?.stillOpen ?? 0,
    }
  },
  shows: { figure: 'notServed', of: 'callers', atLeast: 100, unit: 'callers not served' },
}

/** One sends a head line by line, one a body byte by byte, and one says nothing after one request. */
function kindsOf({ system }: ExperimentContext): SlowClientKind[] {
  const host = 'Host: listings.test\r\n'
  const key = `Authorization: Bearer ${system.apiKeys.lumen}\r\n`
  const json = 'Content-Type: application/json\r\nContent-Length: 1000\r\n'
  return [
    { opening: `GET /v1/listings HTTP/1.1\r\n${host}`, more: 'X-More: 1\r\n' },
    { opening: `POST /v1/listings HTTP/1.1\r\n${host}${key}${json}\r\n{`, more: ' ' },
    { opening: `GET /v1/nothing HTTP/1.1\r\n${host}\r\n` },
  ]
}

function draftsDuringFault({ history, faultLog }: Evidence): number[] {
  const endedAt = rowsOf(faultLog).find(({ action }) => action === 'end')?.t ?? 0
  return rowsOf(history)
    .filter(({ op, type, t }) => op === 'draft' && type !== 'invoke' && t < endedAt)
    .map(({ status }) => status ?? 0)
}
