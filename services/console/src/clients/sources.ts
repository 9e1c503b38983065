import type { FaultLogLine } from '@nightshift/faults/control/fault-log'
import type { FaultProxyClient } from '@nightshift/faults/fault-proxy-client'
import type { ProxyView } from '@nightshift/faults/proxy/toxic'
import type { ControlClient } from '@nightshift/local/supervisor/control-client'
import type { ProcessStatus } from '@nightshift/local/supervisor/process-spec'
import type { InstanceName } from '@nightshift/local/system/instances'
import type { ServiceName } from '@nightshift/local/system/secrets'
import { parseMetrics, type Scrape } from '../domain/metrics-text.ts'
import { limits } from '../limits.ts'
import type { Unseen } from '../snapshot.ts'

/** Everything that was read at one moment. What did not answer is undefined, and named in `unseen`. */
export type Reading = Readonly<{
  at: number
  processes: readonly ProcessStatus[] | undefined
  proxies: readonly ProxyView[] | undefined
  openFaults: readonly FaultLogLine[] | undefined
  scrapes: ReadonlyMap<InstanceName, Scrape>
  unseen: readonly Unseen[]
}>

export type SourcesOptions = Readonly<{
  supervisor: ControlClient
  faults: FaultProxyClient
  instances: readonly Instance[]
}>

/** One process of a service, and where its metrics are. */
export type Instance = Readonly<{ service: ServiceName; name: InstanceName; operationsUrl: string }>

/** Asks every source at once. None can hold up or break the reading of the others. */
export async function readSources(
  { supervisor, faults, instances }: SourcesOptions,
  { withMemory }: { withMemory: boolean },
): Promise<Reading> {
  const unseen: Unseen[] = []
  async function look<Answer>(
    what: string,
    ask: () => Promise<Answer>,
  ): Promise<Answer | undefined> {
    try {
      return await inTime(ask())
    } catch (error) {
      unseen.push({ what, why: reasonOf(error) })
      return undefined
    }
  }
  const scrapes = new Map<InstanceName, Scrape>()
  const [processes, proxies, openFaults] = await Promise.all([
    look('the supervisor', async () =>
      withMemory ? (await supervisor.status()).processes : supervisor.states(),
    ),
    look('the links', faults.list),
    look('the log of faults', faults.openFaults),
    ...instances.map(async ({ name, operationsUrl }) => {
      const scrape = await look(`the metrics of ${name}`, () => scrapeMetrics(operationsUrl))
      if (scrape) scrapes.set(name, scrape)
    }),
  ])
  return { at: Date.now(), processes, proxies, openFaults, scrapes, unseen }
}

async function scrapeMetrics(operationsUrl: string): Promise<Scrape> {
  const signal = AbortSignal.timeout(limits.observe.sourceMs)
  const answer = await fetch(new URL('/metrics', operationsUrl), { signal })
  if (!answer.ok) throw new Error(`answered ${answer.status}`)
  return parseMetrics(await answer.text(), Date.now())
}

/** The clients of the supervisor and of the fault proxy have longer deadlines than a look may take. */
async function inTime<Answer>(asking: Promise<Answer>): Promise<Answer> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => reject(new Error(`no answer in ${limits.observe.sourceMs} ms`)),
      limits.observe.sourceMs,
    )
  })
  return Promise.race([asking, late]).finally(() => clearTimeout(timer))
}

function reasonOf(error: unknown): string {
  const { name, message, cause } = error as Error & { cause?: { code?: string } }
  if (name === 'TimeoutError') return `no answer in ${limits.observe.sourceMs} ms`
  return cause?.code === 'ECONNREFUSED' ? 'it does not run' : message
}
