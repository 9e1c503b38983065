import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { type Answer, type Asked, outcomeTypeOf } from '../scenarios/history-line.ts'

/** One employer who came to publish a listing, as the history shows it. Times are milliseconds. */
export type SeenIntent = Readonly<{
  tenant: string
  /** Unset for an employer who left before there was a draft. */
  listingId?: string
  /** When it should have begun, since 1970. The wait of the generator itself counts, too. */
  intendedAt: number
  /** From there to a final answer, captured or declined. Unset: the employer left without one. */
  servedAfterMs?: number
  /** When the last request of this visit had ended. */
  leftAt: number
  /** How the last request to publish ended, for those who were not served. */
  leftWith: 'refused' | 'pending' | 'lost'
  /** Requests to publish, the first one included. */
  attempts: number
  /** How long the attempt took that brought a positive or negative answer. */
  acceptedMs?: number
}>

type Line = Pick<Asked, 'op' | 'tenant' | 'id' | 'req'> &
  Readonly<{
    type: 'invoke' | 'ok' | 'fail' | 'info'
    t: number
    traceId: string
    status?: number
    sinceMs?: number
    res?: Readonly<Record<string, unknown>>
  }>

/** Reads a history of the load and groups its lines by visit. Lines of another form are skipped. */
export async function readSeenIntents(historyFile: string): Promise<SeenIntent[]> {
  const visits = new Map<string, Line[]>()
  for await (const text of createInterface({ input: createReadStream(historyFile) })) {
    const line = parseLine(text)
    if (line === undefined) continue
    const visit = visits.get(line.traceId)
    if (visit === undefined) visits.set(line.traceId, [line])
    else visit.push(line)
  }
  return [...visits.values()]
    .flatMap(lines => seenIntent(lines))
    .toSorted((a, b) => a.intendedAt - b.intendedAt)
}

/** Empty for a visit of which not even the first answer is there: the run was stopped. */
export function seenIntent(lines: readonly Line[]): SeenIntent[] {
  const answered = lines.find(({ sinceMs }) => sinceMs !== undefined)
  if (answered === undefined) return []
  const { tenant, t, sinceMs = 0 } = answered
  const own = lines.filter(({ req }) => req['again'] === undefined)
  const publishing = own.filter(({ op }) => op === 'publish')
  const ends = own.filter(line => line.type !== 'invoke')
  const served = ends.find(isFinal)
  const accepted = publishing.findLast(line => line.type !== 'invoke' && isFinal(line))
  const sent = publishing.findLast(
    line => line.type === 'invoke' && line.req['attempt'] === accepted?.req['attempt'],
  )
  const listingId = publishing[0]?.id
  return [
    {
      tenant,
      intendedAt: t - sinceMs,
      leftAt: Math.max(...lines.map(line => line.t)),
      attempts: publishing.filter(({ type }) => type === 'invoke').length,
      leftWith: leftWith(ends.findLast(({ op }) => op !== 'read')),
      ...(listingId === undefined ? {} : { listingId }),
      ...(served?.sinceMs === undefined ? {} : { servedAfterMs: served.sinceMs }),
      ...(accepted && sent ? { acceptedMs: accepted.t - sent.t } : {}),
    },
  ]
}

/** A final answer: the publication was paid or declined, or a read shows that it was. */
function isFinal({ op, status, res }: Line): boolean {
  if (op === 'publish') return status === 201 || status === 402
  return op === 'read' && status === 200 && res?.['status'] === 'live'
}

function leftWith(last: Line | undefined): SeenIntent['leftWith'] {
  const status = last?.status ?? 0
  if (status === 202 || last?.res?.['problem'] === 'request-in-progress') return 'pending'
  if (status === 503 || outcomeTypeOf(status) !== 'info') return 'refused'
  return 'lost'
}

function parseLine(text: string): Line | undefined {
  try {
    const line = JSON.parse(text) as Line & Partial<Answer>
    return typeof line.traceId === 'string' && typeof line.t === 'number' ? line : undefined
  } catch {
    return undefined // k6 died while it wrote this line
  }
}
