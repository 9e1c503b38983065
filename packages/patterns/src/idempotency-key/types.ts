import type { Queryable } from '@nightshift/runtime/postgres/postgres'

/** What a client wants done once. The key is unique within (tenant, route) and nowhere else. */
export type KeyedRequest = {
  tenantId: string
  /** Method and route template. */
  route: string
  key: string
  /** Of the validated body: the same key with another body is a mistake of the client. */
  fingerprint: Buffer
  /** The id that the thing will get, if this request is the first with its key. */
  proposedId: string
}

/** An answer as it was given, to be given again byte for byte. */
export type StoredAnswer = {
  status: number
  headers: Readonly<Record<string, string>>
  body: string
}

export type Claim =
  /** Go on with this id. `resumed`: an earlier attempt began, and did not finish. */
  | { kind: 'claimed'; id: string; resumed: boolean }
  | { kind: 'finished'; answer: StoredAnswer }
  | { kind: 'in_progress'; retryAfterMs: number }
  | { kind: 'different_request' }

export type IdempotencyKeys = {
  /** Decides, in one short transaction of the caller, who works on this key. */
  claim: (tx: Queryable, request: KeyedRequest) => Promise<Claim>
  /** Stores the final answer, in the transaction that makes it true. */
  finish: (tx: Queryable, id: string, answer: StoredAnswer) => Promise<void>
  /** Gives the key back without an answer: the next attempt may go on at once. */
  release: (db: Queryable, id: string) => Promise<void>
}
