import type { SourceName } from './evidence.ts'

/** The code of each promise, in reading order. `promises.ts` explains them. */
export const promiseCodes = [
  'S1',
  'S2',
  'S3',
  'S4',
  'S4b',
  'S4c',
  'S5',
  'S6',
  'S7',
  'S8',
  'S9',
  'S10',
  'S11',
  'S12',
  'S14',
  'S15',
  'L1',
  'L2',
  'L3',
  'L4',
  'L5',
  'L6',
  'L7',
  'L8',
] as const
export type PromiseCode = (typeof promiseCodes)[number]

/** A promise that was broken, before its timeline is looked up. */
export type Finding = {
  promise: PromiseCode
  message: string
  /** Keys, payments, publications, listings, events: what a person would search for. */
  ids: string[]
}

export type Violation = Finding & { timeline: TimelineEntry[] }

export type TimelineEntry = { t: number; source: SourceName; line: string }

export type Verdict = {
  /** `unknown`: no promise was found broken, but too little was seen to say that all were kept. */
  valid: boolean | 'unknown'
  /** At most 50 of each promise. `counts` has all of them. */
  violations: Violation[]
  counts: {
    violations: Partial<Record<PromiseCode, number>>
    /** Rows of each source. */
    seen: Partial<Record<SourceName, number>>
  }
  coverage: Coverage
}

export type Coverage = {
  /** The number of times that each event happened, under the names that an experiment can require. */
  sometimes: Record<string, number>
  /** Requirements that did not come true. */
  unmet: string[]
  /** Why the verdict cannot be `true`. */
  inconclusive: string[]
  /** Sources that were empty, and that the caller allowed to be empty. */
  unchecked: string[]
  recoveryMs?: number
}
