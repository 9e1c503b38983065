import type { AppendLog } from '../../../append-log.ts'
import { openAppendLog } from '../../../append-log.ts'
import { limits } from '../limits.ts'
import type { ProviderLogEntry, ProviderLogLine } from './provider-log-entry.ts'

/** The log can be searched by these metadata, which are ids that callers of the API set. */
export const indexedMetadata = ['payment_id', 'publication_id', 'refund_id'] as const
type IndexedMetadata = (typeof indexedMetadata)[number]

export type LogQuery = Readonly<{
  /** Selects the lines of requests that carried this metadata; undefined selects all lines. */
  metadata: { name: IndexedMetadata; value: string } | undefined
  /** Selects the lines with a higher `seq` than this one. */
  after: number
  limit: number
}>

/** A page has lines in order, and the next page begins after `nextAfter`. */
export type LogPage = Readonly<{
  lines: readonly ProviderLogLine[]
  nextAfter: number
  hasMore: boolean
}>

export type ProviderLog = Pick<AppendLog<ProviderLogEntry>, 'append' | 'failure' | 'close'> &
  Readonly<{
    /** Reads from disk and not from memory, because auditors rely on it. */
    page: (query: LogQuery) => Promise<LogPage>
    /** Reads one line from disk. Throws for an unknown `seq`. */
    line: (seq: number) => Promise<ProviderLogLine>
  }>

/**
 * Opens the log and passes every line to `onLine`: those that are in it, and each new one once it
 * is on disk and before its `append` resolves. State that is built from `onLine` therefore cannot
 * differ from the log. Throws when the log cannot be read.
 */
export async function openProviderLog(
  path: string,
  onLine: (line: ProviderLogLine) => void,
): Promise<ProviderLog> {
  const seqsOf = new Map<string, number[]>()

  function take(line: ProviderLogLine): void {
    for (const name of indexedMetadata) {
      const value = 'metadata' in line ? line.metadata[name] : undefined
      if (value === undefined) continue
      const seqs = seqsOf.get(`${name}=${value}`)
      if (seqs === undefined) seqsOf.set(`${name}=${value}`, [line.seq])
      else seqs.push(line.seq)
    }
    onLine(line)
  }

  const log = await openAppendLog<ProviderLogEntry>(path, take)

  return {
    async append(entry) {
      const line = await log.append(entry)
      take(line)
      return line
    },
    async page({ metadata, after, limit }) {
      const chosen =
        metadata === undefined
          ? range(after + 1, Math.min(after + limit + 1, log.size()))
          : (seqsOf.get(`${metadata.name}=${metadata.value}`) ?? []).filter(seq => seq > after)
      const lines: ProviderLogLine[] = []
      let bytes = 0
      for (const seq of chosen) {
        if (lines.length === limit || bytes > limits.logPageBytesMax) break
        const text = await log.readText(seq)
        bytes += text.length
        lines.push(JSON.parse(text))
      }
      const nextAfter = lines.at(-1)?.seq ?? after
      return { lines, nextAfter, hasMore: chosen.length > lines.length }
    },
    line: async seq => JSON.parse(await log.readText(seq)),
    failure: log.failure,
    close: log.close,
  }
}

function range(first: number, last: number): number[] {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index)
}
