/**
 * Over which time the rules look back. A burn rate is judged over two windows: the long one says that
 * enough of the error budget is gone, and the short one that it is still being spent, so that the alert
 * ends soon after the trouble (Google, The Site Reliability Workbook, chapter 5).
 */
export type Windows = Readonly<{
  /** 14.4 times the budget: two percent of a month's budget are gone in one hour. */
  fast: BurnWindow
  /** 6 times: five percent are gone in six hours. */
  slow: BurnWindow
  /** 1 time: ten percent are gone in three days. */
  leak: BurnWindow
  /** How long a symptom has to last before it fires. */
  lasting: string
  /** How long a dead letter is shown. */
  shown: string
  /** A blocked refund is tried every half an hour. This is longer, so that its alert does not come and go. */
  escalated: string
  /** Silence for so long, after traffic in the time before, is suspicious. */
  silence: string
  traffic: string
}>

export type BurnWindow = Readonly<{ long: string; short: string }>

/** What a production system would use, with objectives over 30 days. */
export const productionWindows: Windows = {
  fast: { long: '1h', short: '5m' },
  slow: { long: '6h', short: '30m' },
  leak: { long: '3d', short: '6h' },
  lasting: '1m',
  shown: '15m',
  escalated: '1h',
  silence: '10m',
  traffic: '1h',
}

/**
 * Shorter windows, for a proof that takes minutes. The thresholds of the rules are the same.
 */
export const provingWindows: Windows = {
  fast: { long: '30s', short: '5s' },
  slow: { long: '60s', short: '10s' },
  leak: { long: '90s', short: '20s' },
  lasting: '5s',
  shown: '20s',
  escalated: '30s',
  silence: '10s',
  traffic: '60s',
}
