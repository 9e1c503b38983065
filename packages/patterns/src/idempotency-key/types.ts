import type { Queryable } from '@nightshift/runtime/postgres/postgres'

/** A request that is carried out once. A key is unique within (tenant, route) and nowhere else. */
export type KeyedRequest = {
  tenantId: string
  /** Method and route template. */
  route: string
  key: string
  keyHash: Buffer
  /** A hash of the content. The same key with another fingerprint is a mistake of the client. */
  fingerprint: Buffer
  /** The id of the subject, if this request is the first with its key. */
  proposedId: string
}

/** An answer as it was sent, to be sent again byte for byte. */
export type StoredAnswer = {
  status: number
  headers: Readonly<Record<string, string>>
  body: string
}

/** Why a key could not be claimed. */
export type NotClaimed =
  | { kind: 'finished'; answer: StoredAnswer }
  /**
   * The key has no answer, or has expired. `id` is the subject, if it exists. If the subject is
   * settled, the answer follows from it.
   */
  | { kind: 'in_progress'; retryAfterMs: number; id?: string }
  | { kind: 'different_request' }

export type Claim =
  /** The caller continues with this id. `resumed`: an earlier attempt began and did not finish. */
  { kind: 'claimed'; id: string; resumed: boolean } | NotClaimed

export type IdempotencyKeys = {
  /** Decides, in one short transaction of the caller, which attempt works on this key. */
  claim: (tx: Queryable, request: KeyedRequest) => Promise<Claim>
  /** Stores the final answer, in the transaction that makes it true. */
  finish: (tx: Queryable, id: string, answer: StoredAnswer) => Promise<void>
  /** Releases the key without an answer: the next attempt may continue at once. */
  release: (db: Queryable, id: string) => Promise<void>
}
