import type { LiveNumbers } from '@nightshift/load-tests/scenarios/live-numbers'
import type { Summary } from '@nightshift/load-tests/scenarios/summary'
import { renderTable } from './table.ts'

/** Describes one second of a run on one line. */
export function describeProgress(numbers: LiveNumbers): string {
  const { offered, good, refused, pending, lost, p99Ms } = numbers
  const counts = { offered, good, refused, pending, lost }
  const columns = Object.entries(counts).map(([name, count]) => `${name} ${pad(count)}`)
  return [...columns, `p99 ${p99Ms === undefined ? '-' : `${p99Ms} ms`}`].join('  ')
}

/** Describes the outcome of a run, phase by phase. */
export function describeSummary(summary: Summary): string {
  const rows = summary.phases.map(phase => ({
    phase: phase.name,
    seconds: phase.seconds,
    offered: phase.offered,
    good: phase.good,
    late: phase.late,
    refused: phase.refused,
    pending: phase.pending,
    lost: phase.lost,
    'good/s': phase.goodPerSecond,
    'p50 ms': phase.fromIntendedStartMs?.p50 ?? '-',
    'p99 ms': phase.fromIntendedStartMs?.p99 ?? '-',
  }))
  const { browse, attempts, errors, dropped } = summary
  const searches = `${browse.good} searches answered, ${browse.lost} not`
  return [
    renderTable(rows),
    `${attempts} attempts, ${errors} of them errors; ${searches}; ${dropped} users that k6 could not start.`,
  ].join('\n')
}

const countWidth = 4

function pad(count: number): string {
  return String(count).padStart(countWidth)
}
