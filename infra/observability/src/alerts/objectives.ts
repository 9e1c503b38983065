import { type Alert, type Recording, ratio, type Severity } from './alert.ts'
import type { Windows } from './windows.ts'

/** What users are promised over 30 days, and the series that it is measured by. */
type Objective = Readonly<{
  /** Begins the name of an alert. */
  name: 'Paying' | 'Publishing' | 'Searching' | 'Notifying'
  /** The share of attempts that do not fail. */
  available: number
  /** The share of successful attempts that take no longer than `withinSeconds`. */
  inTime: number
  withinSeconds: number
  /** Attempts, failed ones, and the histogram of those that succeeded: selectors without a range. */
  attempts: string
  failed: string
  /** Without the ending `_bucket` or `_count`, and its labels. */
  durations: Readonly<{ histogram: string; labels: string }>
}>

/**
 * A refusal by the server counts as failed (503, shed or not): a user who is refused could not pay. An
 * answer 4xx does not, because a client could cause it without end.
 */
function ofRoutes(service: string, method: string, ...routes: readonly string[]) {
  const matcher = routes.length === 1 ? `="${routes[0]}"` : `=~"${routes.join('|')}"`
  const labels = `service="${service}",method="${method}",route${matcher}`
  const histogram = 'http_server_request_duration_seconds'
  return {
    attempts: `${histogram}_count{${labels}}`,
    failed: `${histogram}_count{${labels},status=~"5.."}`,
    durations: { histogram, labels: `${labels},status=~"2.."` },
  }
}

const objectives: readonly Objective[] = [
  {
    name: 'Paying',
    available: 0.999,
    inTime: 0.99,
    withinSeconds: 1,
    ...ofRoutes('payments', 'POST', '/v1/payments'),
  },
  {
    name: 'Publishing',
    available: 0.999,
    inTime: 0.99,
    withinSeconds: 1,
    // Without a draft nothing can be published, so an employer who cannot draft cannot publish.
    ...ofRoutes('listings', 'POST', '/v1/listings', '/v1/listings/:listingId/publish'),
  },
  {
    name: 'Searching',
    available: 0.999,
    inTime: 0.99,
    withinSeconds: 0.25,
    ...ofRoutes('listings', 'GET', '/v1/listings'),
  },
  {
    // A mail that is tried again has not failed yet. It is late, and `MailsWait` sees it wait.
    name: 'Notifying',
    available: 0.999,
    inTime: 0.99,
    withinSeconds: 30,
    attempts: 'mails_total{kind="alert",outcome=~"sent|failed"}',
    failed: 'mails_total{kind="alert",outcome="failed"}',
    durations: { histogram: 'mail_delay_seconds', labels: 'kind="alert"' },
  },
]

/** Fewer attempts than this say nothing: one failed payment at night is a percentage of its own. */
const attemptsMin = 20

const rates = [
  { window: 'fast', factor: 14.4, severity: 'page' },
  { window: 'slow', factor: 6, severity: 'page' },
  { window: 'leak', factor: 1, severity: 'ticket' },
] as const satisfies { window: keyof Windows; factor: number; severity: Severity }[]

/** The two ways to break an objective, each with its own part of the error budget. */
const halves = [
  { ending: 'Fails', series: 'failed', promised: 'available', share: failedShare },
  { ending: 'IsSlow', series: 'slow', promised: 'inTime', share: slowShare },
] as const

/**
 * What has failed or was slow in each window, as series of their own: so an alert is a line that can be
 * read, and a dashboard shows the same numbers that the alerts see.
 */
export function objectiveRecordings(windows: Windows): Recording[] {
  const ranges = [...new Set(rates.flatMap(({ window }) => Object.values(windows[window])))]
  return objectives.flatMap(objective => [
    ...halves.flatMap(({ series, share }) =>
      ranges.map(range => ({
        record: shareIn(series, range),
        expr: share(objective, range),
        labels: { objective: labelOf(objective) },
      })),
    ),
    ...rates.map(({ window }) => ({
      record: attemptsIn(windows[window].long),
      expr: `sum(increase(${objective.attempts}[${windows[window].long}]))`,
      labels: { objective: labelOf(objective) },
    })),
  ])
}

/** Three alerts for each half of an objective, under one name. */
export function objectiveAlerts(windows: Windows): Alert[] {
  return objectives.flatMap(objective =>
    halves.flatMap(({ ending, series, promised }) =>
      rates.map(({ window, factor, severity }) => {
        const { long, short } = windows[window]
        // Without the noise of floating point: 14.399999999999999
        const limit = Number((factor * (1 - objective[promised])).toPrecision(6))
        const of = `{objective="${labelOf(objective)}"}`
        return {
          name: `${objective.name}${ending}`,
          severity,
          labels: { burns: window },
          // Both windows are above the limit, and enough was attempted.
          expr:
            `${shareIn(series, long)}${of} > ${limit} and ${shareIn(series, short)}${of} > ${limit} ` +
            `and ${attemptsIn(long)}${of} >= ${attemptsMin}`,
          for: '0s',
          summary: summaryOf(objective, series),
        }
      }),
    ),
  )
}

function summaryOf(objective: Objective, series: 'failed' | 'slow'): string {
  const share = '{{ $value | humanizePercentage }}'
  return series === 'failed'
    ? `${share} of the attempts at ${labelOf(objective)} fail.`
    : `${share} of the successful attempts at ${labelOf(objective)} take longer than ${objective.withinSeconds} s.`
}

function labelOf({ name }: Objective): string {
  return name.toLowerCase()
}

function shareIn(series: 'failed' | 'slow', range: string): string {
  return `objective:${series}:ratio_rate${range}`
}

function attemptsIn(range: string): string {
  return `objective:attempts:increase${range}`
}

function failedShare({ attempts, failed }: Objective, range: string): string {
  return ratio(`sum(rate(${failed}[${range}]))`, `sum(rate(${attempts}[${range}]))`)
}

function slowShare({ durations, withinSeconds }: Objective, range: string): string {
  const { histogram, labels } = durations
  const all = `sum(rate(${histogram}_count{${labels}}[${range}]))`
  const inTime = `sum(rate(${histogram}_bucket{${labels},${leOf(withinSeconds)}}[${range}]))`
  return ratio(`${all} - ${inTime}`, all)
}

/** Prometheus 2 keeps the bound of a bucket as it is exposed (`1`), and Prometheus 3 as `1.0`. */
function leOf(seconds: number): string {
  return Number.isInteger(seconds) ? `le=~"${seconds}(\\\\.0)?"` : `le="${seconds}"`
}
