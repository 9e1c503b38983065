import type { FaultProxyClient } from '@nightshift/faults/fault-proxy-client'
import type { ToxicRequest } from '@nightshift/faults/proxy/toxic'
import type { LinkName } from '@nightshift/local/system/links'
import type { RandomSource } from '../scenarios/random-source.ts'
import type { CrashLabel } from './crash-points.ts'
import type { RecordFault } from './fault-log.ts'
import { eventually, setProviderFaults } from './test-client.ts'
import type { TestSystem } from './test-system.ts'

/** A fault needs a system to hit, a log that names it, and a random source. */
export type FaultContext = Readonly<{
  system: TestSystem
  recordFault: RecordFault
  random: RandomSource
}>

type ProviderFault = Readonly<{
  /** The name of the setting in the fault log. */
  setting: string
  settings: object
  /** The same settings without a fault. */
  healthy: object
}>

const seedsMax = 1_000_000

/** The card provider misbehaves until the work is done. The fault log has the begin and the end. */
export async function whileProviderIsFaulty(
  { system, recordFault }: Pick<FaultContext, 'system' | 'recordFault'>,
  { setting, settings, healthy }: ProviderFault,
  work: () => Promise<unknown>,
): Promise<void> {
  const name = `card-provider/${setting}`
  recordFault('setting', 'begin', name, settings)
  await setProviderFaults(system, settings)
  await work()
  await setProviderFaults(system, healthy)
  recordFault('setting', 'end', name)
}

/** Every answer of the provider takes this long. */
export function whileSlow(
  context: FaultContext,
  latencyMs: number,
  work: () => Promise<unknown>,
): Promise<void> {
  const fault = { setting: 'latencyMs', settings: { latencyMs }, healthy: { latencyMs: 0 } }
  return whileProviderIsFaulty(context, fault, work)
}

/** This share of the provider's answers is lost, either before the provider acts or after. */
export function whileSilent(
  context: FaultContext,
  silence: 'after' | 'before',
  silenceRate: number,
  work: () => Promise<unknown>,
): Promise<void> {
  const settings = { silence, silenceRate, seed: randomSeed(context) }
  const fault = { setting: 'silence', settings, healthy: { silence: 'none' } }
  return whileProviderIsFaulty(context, fault, work)
}

/** A seed for the provider, so that both arms of a round lose the same answers. */
export function randomSeed({ random }: Pick<FaultContext, 'random'>): number {
  return random.below(seedsMax)
}

/**
 * A link carries a toxic until the work is done. The system has to have links; their proxy writes the
 * begin and the end into its fault log.
 */
export async function whileLinkIsFaulty(
  { system }: Pick<FaultContext, 'system'>,
  link: LinkName,
  toxic: ToxicRequest,
  work: () => Promise<unknown>,
): Promise<void> {
  const faults = faultsOf(system)
  const { name } = await faults.addToxic(link, toxic)
  await work()
  await faults.removeToxic(link, name)
}

function faultsOf({ faults }: Pick<TestSystem, 'faults'>): FaultProxyClient {
  if (!faults) throw new Error('this system has no links')
  return faults
}

/**
 * Every process instance of payments dies when it has come to this crash point so many times. The
 * supervisor starts the next instance.
 */
export async function whilePaymentsDies(
  { system, recordFault }: Pick<FaultContext, 'system' | 'recordFault'>,
  label: CrashLabel,
  timesPerInstance: number,
  work: () => Promise<void>,
): Promise<void> {
  const crashAt = `${label}:${timesPerInstance}`
  await system.stop('payments')
  recordFault('process', 'begin', 'payments', { signal: 'SIGKILL', crashAt })
  await system.start('payments', { env: { CRASH_AT: crashAt } })
  await system.waitReady('payments')
  await work()
  await eventually('payments has died at least once', async () =>
    (await system.status('payments')).restarts > 0 ? true : undefined,
  )
  await system.stop('payments')
  await system.start('payments', { env: { CRASH_AT: '' } })
  await system.waitReady('payments')
  recordFault('process', 'end', 'payments')
}
