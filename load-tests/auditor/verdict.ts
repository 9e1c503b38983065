import type { LivenessInvariant, SourceName } from './evidence.ts'

/** The promises that are checked, in the words of the people who break them. */
export const invariants = {
  S1: 'one charge per idempotency key, payment and publication, and one refund per key',
  S2: 'the ledger balances, and has each movement of money once',
  S3: 'our books are what the provider captured and gave back',
  S4: 'no event is lost',
  S4b: 'no event tells of what did not happen',
  S4c: 'the events of one thing come in the order of their versions',
  S5: 'what the public sees was paid for',
  S6: 'each is told once, and each event applied once',
  S7: 'one key, one answer',
  S8: 'nothing that was seen goes back',
  S9: 'who was told "declined" was not charged, or has it back and knows',
  S10: 'nothing acknowledged is lost',
  S14: 'every record is accounted for, and none had to be put aside',
  S15: 'no answer is a 500',
  L1: 'every payment becomes final, and what is owed back is given back',
  L2: 'a paid listing becomes visible',
  L3: 'no event stays behind',
  L4: 'every mail is sent, or ended with a reason',
  L5: 'answers are honest again 30 s after the last fault',
} as const satisfies Record<LivenessInvariant | `S${string}` | 'L5', string>
export type Invariant = keyof typeof invariants

/** A promise that was broken, before anybody has looked up how it came to that. */
export type Finding = {
  invariant: Invariant
  message: string
  /** Keys, payments, publications, listings, events: what a person would search for. */
  ids: string[]
}

export type Violation = Finding & { timeline: TimelineEntry[] }

export type TimelineEntry = { t: number; source: SourceName; line: string }

export type Verdict = {
  /** `unknown`: nothing was found broken, and yet not enough was seen to say that nothing is. */
  valid: boolean | 'unknown'
  /** At most 50 of each invariant; `counts` has how many there are. */
  violations: Violation[]
  counts: {
    violations: Partial<Record<Invariant, number>>
    /** Rows of each source. */
    seen: Partial<Record<SourceName, number>>
  }
  coverage: Coverage
}

export type Coverage = {
  /** How often something happened that an experiment may ask for, by name. */
  sometimes: Record<string, number>
  /** Requirements that did not come true. */
  unmet: string[]
  /** Why the verdict can not be `true`. */
  unknown: string[]
  /** What nobody looked at because the caller said that there is no such witness. */
  unchecked: string[]
  recoveryMs?: number
}
