import type { Evidence } from '../auditor/evidence.ts'
import type { Invariant } from '../auditor/verdict.ts'

/** One way in which a recorded run can be spoilt, so that the auditor has to say so. */
export type Corruption = {
  /** What went wrong in this world, and the promise that it breaks. */
  name: string
  broken: Invariant
  /** What cannot stay whole when that one breaks. Nothing else may be reported. */
  alsoBroken?: Invariant[]
  corrupt: (evidence: Evidence) => void
}
