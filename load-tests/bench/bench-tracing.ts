import { openThrowAwayParts } from '../harness/test-parts.ts'
import type { Figures } from '../reporting/figures.ts'
import type { Bench } from './bench.ts'
import { openContender } from './contender.ts'
import { startDiscardingCollector } from './discarding-collector.ts'
import { startInstantProvider } from './instant-provider.ts'

const connections = 64

/** The share of the payments that are traced; without one, nothing is. */
const arms = { untraced: undefined, sampled: 0.1, traced: 1 } as const
type Arm = keyof typeof arms
const armNames = Object.keys(arms) as Arm[]

/** Payments per second with and without traces. The provider takes no time, so tracing is a large part. */
export const benchTracing: Bench = {
  name: 'tracing',
  result: 'bench-tracing',
  title: 'Payments per second with all, a tenth and none of them traced',
  targets: [
    { ratio: 'tracedOverUntraced', atLeast: 0.85 },
    { ratio: 'sampledOverUntraced', atLeast: 0.95 },
  ],
  async measure({ rounds, seconds, say }) {
    await using open = new AsyncDisposableStack()
    const provider = open.use(await startInstantProvider())
    const collector = open.use(await startDiscardingCollector())
    const { parts } = open.use(await openThrowAwayParts())
    const enter = async (share: number | undefined) => {
      const switches: Record<string, string> =
        share === undefined
          ? {}
          : {
              OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
              OTEL_TRACES_SAMPLER_ARG: String(share),
            }
      return open.use(await openContender({ parts, providerUrl: provider.url, switches }))
    }
    const contenders = {
      untraced: await enter(arms.untraced),
      sampled: await enter(arms.sampled),
      traced: await enter(arms.traced),
    }
    const figures: Record<Arm, Figures[]> = { untraced: [], sampled: [], traced: [] }
    for (let round = 1; round <= rounds; round += 1) {
      // Each arm is first as often as last: the machine and the tables change during a round.
      const first = round % armNames.length
      for (const name of [...armNames.slice(first), ...armNames.slice(0, first)]) {
        const measured = await contenders[name].run({ connections, seconds })
        say(`round ${round} of ${rounds}, ${name}: ${measured['perSecond']} per second`)
        figures[name].push(measured)
      }
    }
    const over = (name: Arm) =>
      figures[name].map(
        ({ perSecond = Number.NaN }, round) =>
          perSecond / (figures.untraced[round]?.['perSecond'] ?? Number.NaN),
      )
    return {
      arms: figures,
      ratios: { tracedOverUntraced: over('traced'), sampledOverUntraced: over('sampled') },
    }
  },
}
