import { instanceNames } from '@nightshift/local/system/instances'
import { steadyLoad } from '../harness/steady-load.ts'
import { restartInTurn } from '../harness/test-system.ts'
import { whileSlow } from '../harness/while-faulty.ts'
import type { Experiment } from '../runner/experiment.ts'
import { callersIn } from './caller-figures.ts'

const callersPerSecond = 20
/** A quick provider would leave hardly any payment in progress when an instance stops. */
const providerLatencyMs = 300
const naive = { PATTERN_GRACEFUL_SHUTDOWN: 'naive' }

/** Every instance is restarted in turn while callers pay. */
export const deployUnderLoad: Experiment = {
  name: 'deploy-under-load',
  title: 'Every instance of every service is restarted in turn, under load',
  area: 'resilience',
  pattern: 'graceful-shutdown',
  hypothesis: 'A deployment fails no request: each caller gets the answer of an instance.',
  arms: { with: {}, naive: Object.fromEntries(instanceNames.map(name => [name, naive])) },
  run: ['card-provider', 'mailbox', 'payments', 'listings', 'notifications'],
  replicas: 2,
  paysDirectly: true,
  breaksNoPromise: true,
  size: { full: 1_000, short: 200 },
  method: context =>
    whileSlow(context, providerLatencyMs, async () => {
      const { system, parts, client, recordFault, size } = context
      const load = steadyLoad(callersPerSecond, () => client.payAndLeave('acme'))
      recordFault('process', 'begin', 'payments', { signal: 'SIGTERM' })
      do await restartInTurn(system, parts)
      while (load.begun() < size)
      recordFault('process', 'end', 'payments')
      await load.stop()
    }),
  sometimes: ['payment.captured >= 1'],
  figures: evidence => {
    const callers = callersIn(evidence)
    const count = (fits: (status: number) => boolean) =>
      callers.filter(({ status }) => fits(status)).length
    return {
      callers: callers.length,
      paidAtOnce: count(status => status === 201),
      leftOpen: count(status => status === 202),
      failed: count(status => status === 0 || status >= 500),
      withoutAnswer: count(status => status === 0),
      outcomeUnknown: count(status => status === 502 || status === 504),
      refused: count(status => status === 503),
    }
  },
  shows: { figure: 'failed', of: 'callers', atLeast: 1, unit: 'requests failed' },
}
