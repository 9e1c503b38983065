import { join } from 'node:path'
import { collect, type Sources } from '../auditor/collect.ts'
import type { Evidence } from '../auditor/evidence.ts'
import { waitForQuiescence } from '../auditor/quiescence.ts'
import type { TestParts } from './test-parts.ts'
import type { TestSystem } from './test-system.ts'

/**
 * Locates the sources of a test system for the auditor. `dir` has the history of the clients. The
 * fault log is the fault proxy's own when the system has links. Otherwise it is in `dir`, written by
 * the code that injects the faults.
 */
export function sourcesOf(system: TestSystem, parts: TestParts, dir: string): Sources {
  const dataDir = join(parts.stateDir, 'data', system.prefix.replace(/\.$/, ''))
  return {
    historyFiles: [join(dir, 'history.jsonl')],
    faultLog: system.faults ? join(dataDir, 'faults', 'faults.jsonl') : join(dir, 'faults.jsonl'),
    provider: { providerLog: join(dataDir, 'card-provider', 'provider.jsonl') },
    mailLog: join(dataDir, 'mailbox', 'mails.jsonl'),
    databases: {
      payments: system.databaseUrl('payments'),
      listings: system.databaseUrl('listings'),
      notifications: system.databaseUrl('notifications'),
    },
    kafka: { brokers: system.brokers, prefix: system.prefix },
    listingsUrl: system.urls.listings,
  }
}

/** Waits until nothing is under way, or until the time is up, and then reads every source. */
export async function collectAtRest(sources: Sources, deadlineMs: number): Promise<Evidence> {
  const quiescence = await waitForQuiescence(sources, deadlineMs)
  return collect(sources, { quiescence })
}
