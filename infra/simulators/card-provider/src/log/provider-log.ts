import type { AppendLog } from '../../../append-log.ts'
import { openAppendLog } from '../../../append-log.ts'
import { limits } from '../limits.ts'
import type { ProviderLogEntry, ProviderLogLine } from './provider-log-entry.ts'

/** What judges ask by: the payment or refund as our caller names it, and what was paid for. */
export const judgedMetadata = ['payment_id', 'publication_id', 'refund_id'] as const
export type JudgedMetadata = (typeof judgedMetadata)[number]

export type LogQuery = Readonly<{
  /** Only lines of requests that carried this metadata. */
  metadata: { name: JudgedMetadata; value: string } | undefined
  /** Lines with a higher `seq` than this one. */
  after: number
  limit: number
}>

/** A stretch of the log, in order. `nextAfter` is where the next page begins. */
export type LogPage = Readonly<{
  lines: readonly ProviderLogLine[]
  nextAfter: number
  hasMore: boolean
}>

export type ProviderLog = Pick<AppendLog<ProviderLogEntry>, 'append' | 'failure' | 'close'> &
  Readonly<{
    /** Reads what is on disk, not what is remembered, because judges rely on it. */
    page: (query: LogQuery) => Promise<LogPage>
    /** One line as it stands on disk. Throws for an unknown `seq`. */
    line: (seq: number) => Promise<ProviderLogLine>
  }>

/**
 * Opens the log and hands every line to `onLine`: those already there, and each new one as soon as
 * it is on disk and before its `append` resolves. State built from `onLine` therefore cannot
 * differ from the log. Throws when the log cannot be read back.
 */
export async function openProviderLog(
  path: string,
  onLine: (line: ProviderLogLine) => void,
): Promise<ProviderLog> {
  const seqsOf = new Map<string, number[]>()

  function take(line: ProviderLogLine): void {
    for (const name of judgedMetadata) {
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
