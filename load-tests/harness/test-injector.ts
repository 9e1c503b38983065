import { type Injector, openInjector } from '@nightshift/faults/injector/injector'
import { controlClient } from '@nightshift/local/supervisor/control-client'
import { partNames } from '@nightshift/local/system/start-parts'
import type { TestParts } from './test-parts.ts'
import type { TestSystem } from './test-system.ts'

/**
 * Opens a fault injector for a system that was opened with `links`. All systems of a test run share
 * the parts, so a test that breaks a part needs parts of its own.
 */
export function openTestInjector(
  system: Pick<
    TestSystem,
    'faults' | 'prefix' | 'urls' | 'databaseUrl' | 'redisUrl' | 'controlToken'
  >,
  parts: Pick<TestParts, 'control'>,
): Injector {
  const { faults, prefix, urls, databaseUrl, redisUrl, controlToken } = system
  if (!faults) throw new Error('only a system with links has a fault log')
  const id = prefix.replace(/\.$/, '')
  return openInjector({
    client: controlClient(parts.control),
    nameOf: name => (partNames.some(part => part === name) ? name : `${id}_${name}`),
    faults,
    controlToken,
    databaseUrl,
    redisUrl,
    simulatorUrl: simulator => (simulator === 'mailbox' ? urls.mailbox : urls.cardProvider),
  })
}
