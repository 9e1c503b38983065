import type { Lab } from '../runner/experiment.ts'
import type { CrashLabel } from './crash-points.ts'
import { eventually } from './test-client.ts'

/** Each life of payments ends when it comes to the label so many times, and the next one begins. */
export async function whilePaymentsDies(
  { system, noteFault }: Pick<Lab, 'system' | 'noteFault'>,
  label: CrashLabel,
  timesPerLife: number,
  work: () => Promise<void>,
): Promise<void> {
  const crash = `${label}:${timesPerLife}`
  await system.stop('payments')
  noteFault('process', 'begin', 'payments', { signal: 'SIGKILL', crashAt: crash })
  await system.start('payments', { env: { CRASH_AT: crash } })
  await system.waitReady('payments')
  await work()
  await eventually('payments has died at least once', async () =>
    (await system.status('payments')).restarts > 0 ? true : undefined,
  )
  await system.stop('payments')
  await system.start('payments', { env: { CRASH_AT: '' } })
  await system.waitReady('payments')
  noteFault('process', 'end', 'payments')
}
