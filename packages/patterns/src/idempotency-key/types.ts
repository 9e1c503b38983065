import type { Queryable } from '@nightshift/runtime/postgres/postgres'

/** What a client wants done once. A key is unique within (tenant, route) and nowhere else. */
export type KeyedRequest = {
  tenantId: string
  /** Method and route template. */
  route: string
  key: string
  keyHash: Buffer
  /** The same key with another fingerprint is a mistake of the client. */
  fingerprint: Buffer
  /** The id of the subject, if this request is the first with its key. */
  proposedId: string
}

/** An answer as it was given, to be given again byte for byte. */
export type StoredAnswer = {
  status: number
  headers: Readonly<Record<string, string>>
  body: string
}

/** Why a key could not be claimed. */
export type NotClaimed =
  | { kind: 'finished'; answer: StoredAnswer }
  /**
   * The key has no answer, or has expired. `id`: the subject, if it exists. It may be settled all the
   * same, and then it is the answer.
   */
  | { kind: 'in_progress'; retryAfterMs: number; id?: string }
  | { kind: 'different_request' }

export type Claim =
  /** Go on with this id. `resumed`: an earlier attempt began, and did not finish. */
  { kind: 'claimed'; id: string; resumed: boolean } | NotClaimed

export type IdempotencyKeys = {
  /** Decides, in one short transaction of the caller, which attempt works on this key. */
  claim: (tx: Queryable, request: KeyedRequest) => Promise<Claim>
  /** Stores the final answer, in the transaction that makes it true. */
  finish: (tx: Queryable, id: string, answer: StoredAnswer) => Promise<void>
  /** Gives the key back without an answer: the next attempt may go on at once. */
  release: (db: Queryable, id: string) => Promise<void>
}
