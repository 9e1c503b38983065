import { readFile } from 'node:fs/promises'
import { Type } from 'typebox'
import { Compile } from 'typebox/compile'
import type { FaultLogLine, HistoryLine, MailLine, ProviderLine, Source } from '../evidence.ts'
import { parseJsonLines } from '../json-lines.ts'
import { faultLogLine, mailLine, providerLine } from './log-lines.ts'

/** The fields that the checks rely on. The whole format is `../../scenarios/history-line.schema.json`. */
const historyLine = Compile(
  Type.Object({
    h: Type.Literal(1),
    run: Type.String(),
    idx: Type.Integer(),
    proc: Type.String(),
    op: Type.Enum(['draft', 'publish', 'pay', 'refund', 'read']),
    type: Type.Enum(['invoke', 'ok', 'fail', 'info']),
    t: Type.Number({ exclusiveMinimum: 0 }),
    tenant: Type.String(),
    key: Type.Optional(Type.String()),
    id: Type.Optional(Type.String()),
    req: Type.Object({}),
    status: Type.Optional(Type.Integer()),
    traceId: Type.Optional(Type.String()),
    res: Type.Optional(Type.Object({})),
  }),
)

/** Reads the lines of all clients. JSON without the field `h` is no history line, and is left out. */
export async function readHistory(files: readonly string[]): Promise<Source<HistoryLine>> {
  const sources = await Promise.all(
    files.map(file =>
      readLog(file, (value, place): HistoryLine | string | undefined => {
        if (!('h' in value)) return undefined
        if (!historyLine.Check(value)) return `${place} is no line of a history`
        const { h: _, ...line } = value as HistoryLine & { h: 1 }
        return line
      }),
    ),
  )
  return {
    state: 'read',
    rows: sources.flatMap(({ rows }) => rows),
    problems: sources.flatMap(({ problems }) => problems),
  }
}

export function readMails(file: string): Promise<Source<MailLine>> {
  return readLog(file, (value, place) => mailLine(value) ?? `${place} is no mail line`)
}

export function readFaultLog(file: string): Promise<Source<FaultLogLine>> {
  return readLog(
    file,
    (value, place) => faultLogLine(value) ?? `${place} is no line of a fault log`,
  )
}

/** Reads the provider's log from its file, or page by page over HTTP. */
export async function readProvider(
  from: { providerLog: string } | { providerUrl: string },
  timeoutMs: number,
): Promise<Source<ProviderLine>> {
  const read = (value: Fields, place: string) =>
    providerLine(value) ?? `${place} is no line of a provider log`
  if ('providerLog' in from) return readLog(from.providerLog, read)
  const rows: ProviderLine[] = []
  const problems: string[] = []
  const deadline = AbortSignal.timeout(timeoutMs)
  for (let after = 0, more = true; more; ) {
    const url = `${from.providerUrl}/log?after=${after}&limit=1000`
    const answer = await fetch(url, { signal: deadline })
    if (!answer.ok) throw new Error(`${url} answered ${answer.status}`)
    const page = (await answer.json()) as { lines: Fields[]; nextAfter: number; hasMore: boolean }
    for (const value of page.lines) {
      const line = read(value, `${from.providerUrl}/log after ${after}`)
      if (typeof line === 'string') problems.push(line)
      else rows.push(line)
    }
    more = page.hasMore && page.nextAfter > after
    after = page.nextAfter
  }
  return { state: 'read', rows, problems }
}

type Fields = Record<string, unknown>

/** `read` returns a row, a problem as text, or undefined when the line is to be left out. */
async function readLog<Row extends object>(
  file: string,
  read: (value: Fields, place: string) => Row | string | undefined,
): Promise<Extract<Source<Row>, { state: 'read' }>> {
  const { values, problems } = parseJsonLines(await readFile(file, 'utf8'), file)
  const rows: Row[] = []
  for (const { value, line } of values) {
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
    const row = isObject ? read(value as Fields, `${file}:${line}`) : `${file}:${line} is no object`
    if (typeof row === 'string') problems.push(row)
    else if (row) rows.push(row)
  }
  return { state: 'read', rows, problems }
}
