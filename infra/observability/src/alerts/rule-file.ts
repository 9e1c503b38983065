import { stringify } from 'yaml'
import type { Alert } from './alert.ts'
import { objectiveAlerts, objectiveRecordings } from './objectives.ts'
import { symptomAlerts } from './symptoms.ts'
import { productionWindows, type Windows } from './windows.ts'

/** Every alert, with these windows. */
export function alertsFor(windows: Windows): Alert[] {
  return [...objectiveAlerts(windows), ...symptomAlerts(windows)]
}

/** The names of all alerts. Each has a runbook. */
export const alertNames: readonly string[] = [
  ...new Set(alertsFor(productionWindows).map(({ name }) => name)),
]

/** The page that says what an alert means and what to do, from the root of the repository. */
export function runbookOf(name: string): string {
  return `docs/runbooks/${name}.md`
}

const head = `# Written by \`npm run docs\` from infra/observability/src/alerts. Do not edit it here.
`

/** The content of a rule file of Prometheus. */
export function ruleFile(windows: Windows): string {
  // The rules of a group are judged in order, so alerts see the recordings of the same moment.
  const objectives = [...objectiveRecordings(windows), ...objectiveAlerts(windows).map(ruleOf)]
  const symptoms = symptomAlerts(windows).map(ruleOf)
  const groups = [
    { name: 'objectives', rules: objectives },
    { name: 'symptoms', rules: symptoms },
  ]
  return head + stringify({ groups }, { lineWidth: 0 })
}

function ruleOf(alert: Alert) {
  return {
    alert: alert.name,
    expr: alert.expr,
    for: alert.for,
    labels: { severity: alert.severity, ...alert.labels },
    annotations: { summary: alert.summary, runbook_url: runbookOf(alert.name) },
  }
}
