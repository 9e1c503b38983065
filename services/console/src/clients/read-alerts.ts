import { limits } from '../limits.ts'

/** One alert that is pending or fires. */
export type AlertView = Readonly<{
  name: string
  severity: string
  state: 'pending' | 'firing'
  /** Milliseconds since 1970. */
  since: number
  summary: string
  /** The path of its runbook in the repository. */
  runbook: string
}>

type PrometheusAlert = Readonly<{
  state: 'pending' | 'firing'
  activeAt: string
  labels: Readonly<{ alertname: string; severity: string }>
  annotations: Readonly<{ summary: string; runbook_url: string }>
}>

/**
 * The alerts that Prometheus has now, firing ones first.
 * @throws when it does not answer in time
 */
export async function readAlerts(prometheusUrl: string): Promise<AlertView[]> {
  const answer = await fetch(new URL('/api/v1/alerts', prometheusUrl), {
    signal: AbortSignal.timeout(limits.alerts.askMs),
  })
  if (!answer.ok) throw new Error(`Prometheus answered ${answer.status}`)
  const { data } = (await answer.json()) as { data: { alerts: readonly PrometheusAlert[] } }
  return data.alerts
    .map(({ state, activeAt, labels, annotations }) => ({
      name: labels.alertname,
      severity: labels.severity,
      state,
      since: Date.parse(activeAt),
      summary: annotations.summary,
      runbook: annotations.runbook_url,
    }))
    .toSorted((a, b) => a.state.localeCompare(b.state) || a.name.localeCompare(b.name))
}
