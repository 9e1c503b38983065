/** A page wakes a person at any hour. A ticket waits for the next working day. */
export type Severity = 'page' | 'ticket'

/** One rule of Prometheus that alerts. */
export type Alert = Readonly<{
  /** The name of its runbook, too: `docs/runbooks/<name>.md`. */
  name: string
  severity: Severity
  /** Besides the severity: they tell alerts of one name apart. */
  labels?: Readonly<Record<string, string>>
  /** PromQL. The alert is pending while it answers anything. */
  expr: string
  /** It fires when it was pending for this long without a break. */
  for: string
  /** One sentence, which may use the labels and the value of the series. */
  summary: string
}>

/** A rule of Prometheus that keeps the answer of a query as a series of its own. */
export type Recording = Readonly<{
  record: string
  expr: string
  labels: Readonly<Record<string, string>>
}>

/** A quotient that is absent, and not NaN or 0, while nothing was counted. */
export function ratio(part: string, whole: string): string {
  return `(${part}) / (${whole} > 0)`
}
