import type { Evidence, Quiescence, Source } from './evidence.ts'
import { crawlSearch } from './sources/crawl-search.ts'
import type { KafkaSource } from './sources/kafka.ts'
import { readDatabase } from './sources/read-database.ts'
import { readFaultLog, readHistory, readMails, readProvider } from './sources/read-logs.ts'
import { readTopics } from './sources/read-topics.ts'
import { type Database, type TableName, tables } from './sources/tables.ts'

/** Where the sources are. */
export type Sources = {
  /** JSON lines of the clients. Without them the answers to clients are unknown. */
  historyFiles?: readonly string[]
  provider: { providerLog: string } | { providerUrl: string }
  mailLog: string
  /** URLs of roles that may read everything. */
  databases: Readonly<Record<Database, string>>
  kafka: KafkaSource
  /** Base URL of the public search. */
  listingsUrl: string
  /** JSON lines with the begin and the end of each fault. */
  faultLog?: string
}

export type CollectOptions = {
  /** The result of `waitForQuiescence`. Without it, it is unknown whether the system was at rest. */
  quiescence?: Quiescence
  /** Applies to each source by itself. */
  timeoutMs?: number
}

const defaultTimeoutMs = 60_000

/**
 * Reads every source once. The databases come first: whatever their rows promise to exist elsewhere
 * must then be found in the sources that are read later. A source that does not answer is `missing`,
 * and the others are read all the same.
 */
export async function collect(sources: Sources, options: CollectOptions = {}): Promise<Evidence> {
  const { quiescence, timeoutMs = defaultTimeoutMs } = options
  const databases = {
    ...(await askDatabase(sources, 'payments', timeoutMs)),
    ...(await askDatabase(sources, 'listings', timeoutMs)),
    ...(await askDatabase(sources, 'notifications', timeoutMs)),
  } as Pick<Evidence, TableName>
  const { historyFiles, faultLog: faultLogFile } = sources
  const [history, provider, mails, faultLog, topics, search] = await Promise.all([
    historyFiles?.length ? ask(() => readHistory(historyFiles)) : notGiven('history'),
    ask(() => readProvider(sources.provider, timeoutMs)),
    ask(() => readMails(sources.mailLog)),
    faultLogFile === undefined ? notGiven('fault log') : ask(() => readFaultLog(faultLogFile)),
    askKafka(sources.kafka, timeoutMs),
    ask(async () => read(await crawlSearch(sources.listingsUrl, timeoutMs))),
  ])
  return {
    ...databases,
    ...topics,
    history,
    provider,
    mails,
    faultLog,
    search,
    quiescence: quiescence
      ? read([quiescence])
      : missing('there was no wait for the system to come to rest'),
  }
}

async function askDatabase(sources: Sources, database: Database, timeoutMs: number) {
  const names = Object.keys(tables[database])
  const url = sources.databases[database]
  try {
    const rows = await readDatabase(url, tables[database], timeoutMs)
    return Object.fromEntries(Object.entries(rows).map(([name, of]) => [name, read(of)]))
  } catch (error) {
    return Object.fromEntries(names.map(name => [name, missing(reasonOf(error))]))
  }
}

async function askKafka(
  kafka: KafkaSource,
  timeoutMs: number,
): Promise<Pick<Evidence, 'partitions' | 'records'>> {
  try {
    const { partitions, records } = await readTopics(kafka, timeoutMs)
    return { partitions: read(partitions), records: read(records) }
  } catch (error) {
    return { partitions: missing(reasonOf(error)), records: missing(reasonOf(error)) }
  }
}

async function ask<Row>(question: () => Promise<Source<Row>>): Promise<Source<Row>> {
  try {
    return await question()
  } catch (error) {
    return missing(reasonOf(error))
  }
}

function read<Row>(rows: Row[]): Source<Row> {
  return { state: 'read', rows, problems: [] }
}

function missing(why: string): Extract<Source<never>, { state: 'missing' }> {
  return { state: 'missing', why }
}

function notGiven(what: string) {
  return missing(`no ${what} was given`)
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error)
}
