import { join } from 'node:path'
import type { Sources } from '../auditor/collect.ts'
import type { TestParts } from './test-parts.ts'
import type { TestSystem } from './test-system.ts'

/**
 * Where the witnesses of a test system are. With links, the fault proxy keeps the log of all faults;
 * without, whoever broke the system did, in `dir`.
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
