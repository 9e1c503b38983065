import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { objectiveRecordings } from './objectives.ts'
import { alertNames, alertsFor, runbookOf } from './rule-file.ts'
import { symptomAlerts } from './symptoms.ts'
import { productionWindows, provingWindows } from './windows.ts'

const repository = join(import.meta.dirname, '../../../..')
const sections = ['What it means', 'Look here first', 'Do this', 'How it ends']

describe.each(alertNames)('%s', name => {
  test('has a runbook that says what it means, where to look, what to do and how it ends', () => {
    expect(existsSync(join(repository, runbookOf(name)))).toBe(true)
    const page = readFileSync(join(repository, runbookOf(name)), 'utf8')
    const titles = [...page.matchAll(/^## (.+)$/gm)].map(([, title]) => title)
    expect(page.startsWith(`# ${name}: `)).toBe(true)
    expect(titles).toEqual(sections)
  })
})

test('no runbook is about an alert that is gone', () => {
  const pages = readdirSync(join(repository, 'docs/runbooks')).filter(file => file !== 'README.md')
  expect(pages.toSorted()).toEqual(alertNames.map(name => `${name}.md`).toSorted())
})

test('rules with short windows differ in their windows, and in no threshold', () => {
  const withoutTimes = (text: string) => text.replaceAll(/\d+(?:s|m|h|d)\b/g, 'T')
  const [production, proving] = [productionWindows, provingWindows].map(windows =>
    alertsFor(windows).map(alert => ({ ...alert, expr: withoutTimes(alert.expr), for: 'T' })),
  )
  expect(proving).toEqual(production)
})

/** A histogram `x` has the series `x_count`, `x_sum` and `x_bucket`. */
function metricOf(series: string): string {
  return series.replace(/_(?:count|sum|bucket)$/, '')
}

test('each metric of a rule and of a runbook exists in the code', () => {
  const known = metricNames()
  const used = new Set([...metricsInRules(), ...metricsInRunbooks()])
  expect(used.size).toBeGreaterThan(15)
  expect([...used].filter(name => !known.has(name))).toEqual([])
})

/** Those of Node come from prom-client, and `up` from Prometheus. */
const fromElsewhere = ['nodejs_eventloop_lag_p99_seconds', 'up']

function metricNames(): Set<string> {
  const files = ['packages', 'services'].flatMap(folder =>
    readdirSync(join(repository, folder), { recursive: true, encoding: 'utf8' })
      .filter(path => path.endsWith('.ts') && !path.includes('node_modules'))
      .map(path => join(repository, folder, path)),
  )
  const names = files
    .map(file => readFileSync(file, 'utf8'))
    .filter(text => text.includes("from 'prom-client'"))
    .flatMap(text => [...text.matchAll(/\bname: '([a-z_]+)'/g)].map(([, name = '']) => name))
  return new Set([...names, ...fromElsewhere])
}

function metricsInRules(): string[] {
  const series = /(?<![:\w])([a-z]+(?:_[a-z]+)*)(?=\{|\[)|^([a-z_]+) [>=]/g
  const rules = [...objectiveRecordings(productionWindows), ...symptomAlerts(productionWindows)]
  return rules.flatMap(({ expr }) =>
    [...expr.matchAll(series)].map(([, inside, alone]) => metricOf(inside ?? alone ?? '')),
  )
}

function metricsInRunbooks(): string[] {
  const quoted = /`([a-z]+(?:_[a-z0-9]+)+)(?:\{[^`]*\})?`/g
  /** Other names in backticks are columns, tables and reasons. */
  const isMetric = /(?:_total|_seconds|_state|_open)$/
  return readdirSync(join(repository, 'docs/runbooks')).flatMap(file => {
    const page = readFileSync(join(repository, 'docs/runbooks', file), 'utf8')
    return [...page.matchAll(quoted)]
      .map(([, name = '']) => name)
      .filter(name => isMetric.test(name))
  })
}
