import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { consoleLogEvents } from '@nightshift/console/log-events'
import { listingsLogEvents } from '@nightshift/listings/log-events'
import { promiseCodes } from '@nightshift/load-tests/auditor/verdict'
import { crashPoints } from '@nightshift/load-tests/harness/crash-points'
import { composeProxyConfig } from '@nightshift/local/proxy/haproxy-config'
import { composePrometheusConfig } from '@nightshift/local/system/prometheus'
import { serviceNames } from '@nightshift/local/system/secrets'
import { repoRoot } from '@nightshift/local/system/state'
import { notificationsLogEvents } from '@nightshift/notifications/log-events'
import { ruleFile } from '@nightshift/observability/alerts/rule-file'
import { productionWindows } from '@nightshift/observability/alerts/windows'
import { dashboardFile } from '@nightshift/observability/dashboards/dashboard-file'
import { dashboardPlans } from '@nightshift/observability/dashboards/plans'
import { circuitBreakerLogEvents } from '@nightshift/patterns/circuit-breaker/log-events'
import { deadLettersLogEvents } from '@nightshift/patterns/dead-letters/log-events'
import { paymentsLogEvents } from '@nightshift/payments/log-events'
import { runtimeLogEvents } from '@nightshift/runtime/telemetry/log-events'
import { isCode, isTest, readRepository, type SourceFile } from '@nightshift/structure/source-tree'
import { type CommandGroup, commandsPage } from './commands-page.ts'
import { crashPointsPage, findCrashPoints, servicesLoading } from './crash-points.ts'
import { renewFigures } from './figures.ts'
import { renewLineLinks } from './links-to-lines.ts'
import { type LogVocabulary, logEventsPage } from './log-events-page.ts'
import { crashMatrixPage } from './matrix-table.ts'
import { linkPromises, promisesPage } from './promises-page.ts'
import { type Page, readPages, readResult, readText } from './read-pages.ts'
import { type RecoveryResult, recoveryChart } from './recovery-chart.ts'
import { replayPages, replaysListPage } from './replays-page.ts'
import { resiliencyPage } from './resiliency-page.ts'
import { readmeWithPatterns, readResults } from './results-table.ts'
import { openServiceApp } from './service-apps.ts'
import { timeoutsPage } from './timeouts-page.ts'

/** Writes every page, or part of a page, that is made from the code and from the results. */
export async function writePages(commands: readonly CommandGroup[]): Promise<string[]> {
  const pages = await makePages(commands)
  for (const [path, content] of pages) {
    await mkdir(dirname(join(repoRoot, path)), { recursive: true })
    await writeFile(join(repoRoot, path), content)
  }
  return [...pages.keys()]
}

/** The pages that differ from what the code and the results would make of them. */
export async function stalePages(commands: readonly CommandGroup[]): Promise<string[]> {
  const stale: string[] = []
  for (const [path, content] of await makePages(commands)) {
    const committed = await readFile(join(repoRoot, path), 'utf8').catch(() => '')
    if (committed !== content) stale.push(path)
  }
  return stale
}

/** Content by the path from the root. */
async function makePages(commands: readonly CommandGroup[]): Promise<Map<string, string>> {
  const pages = new Map<string, string>()
  for (const name of serviceNames) {
    await using app = await openServiceApp(name)
    pages.set(`docs/reference/${name}.openapi.json`, `${JSON.stringify(app.swagger(), null, 2)}\n`)
  }
  pages.set('infra/local/haproxy/compose.cfg', composeProxyConfig())
  pages.set('infra/observability/prometheus/alerts.yml', ruleFile(productionWindows))
  pages.set('infra/observability/prometheus/prometheus.json', composePrometheusConfig())
  for (const plan of dashboardPlans) {
    pages.set(`infra/observability/grafana/dashboards/${plan.name}.json`, dashboardFile(plan))
  }
  const recovery = readResult('load-tests/results/metastability.json')
  if (recovery !== undefined) {
    pages.set('docs/images/metastability.svg', recoveryChart(recovery as RecoveryResult))
  }
  for (const [path, content] of replayPages()) pages.set(path, content)
  const results = await readResults()
  const generated: Record<string, string> = {
    'docs/reference/crash-points.md': makeCrashPointsPage(),
    'docs/reference/log-events.md': logEventsPage(vocabularies, readProgram()),
    'docs/commands.md': commandsPage(commands),
    'docs/crash-matrix.md': crashMatrixPage(results.filter(({ name }) => name === 'crash-matrix')),
    'docs/promises.md': promisesPage(results),
    'docs/replays/README.md': replaysListPage(),
    'docs/resiliency-matrix.md': resiliencyPage(
      results.find(({ name }) => name === 'resiliency-matrix'),
    ),
    'docs/timeouts.md': timeoutsPage(),
    'README.md': readmeWithPatterns(readText('README.md') ?? '', results),
  }
  for (const [path, text] of Object.entries(generated)) pages.set(path, renewed({ path, text }))
  for (const page of readPages().filter(({ path }) => !(path in generated))) {
    const text = renewed(page)
    if (text !== page.text) pages.set(page.path, text)
  }
  return pages
}

/** The page with its figures, its links to lines and its links to promises as they are now. */
function renewed({ path, text }: Page): string {
  const withFigures = renewFigures({ path, text }, readResult)
  const withLines = renewLineLinks({ path, text: withFigures }, readText)
  return linkPromises({ path, text: withLines }, promiseCodes)
}

const vocabularies: readonly LogVocabulary[] = [
  { owner: 'Every service', events: runtimeLogEvents },
  { owner: 'Calls to others', events: circuitBreakerLogEvents },
  { owner: 'Consumers', events: deadLettersLogEvents },
  { owner: 'Payments', events: paymentsLogEvents },
  { owner: 'Listings', events: listingsLogEvents },
  { owner: 'Notifications', events: notificationsLogEvents },
  { owner: 'Console', events: consoleLogEvents },
]

/** The code of the services and packages, without the lists of words themselves. */
function readProgram(): SourceFile[] {
  return readRepository().filter(
    ({ path }) =>
      /^(services|packages)\/[^/]+\/src\//.test(path) &&
      isCode(path) &&
      !isTest(path) &&
      !path.endsWith('/log-events.ts'),
  )
}

/** @throws when the list of labels and the code disagree */
function makeCrashPointsPage(): string {
  const program = readProgram()
  return crashPointsPage(findCrashPoints(crashPoints, program, servicesLoading(program)))
}
