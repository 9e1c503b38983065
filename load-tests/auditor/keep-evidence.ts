import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Evidence, type Rows, type Source, type SourceName, sourceNames } from './evidence.ts'
import { parseJsonLines } from './json-lines.ts'

/** The first line of each file. It has the number of rows, so that a cut file is noticed. */
type Header = { source: SourceName } & (
  | { state: 'missing'; why: string }
  | { state: 'read'; rows: number; problems: string[] }
)

/** Writes one JSONL file per source: a header, then the rows. */
export async function saveEvidence(evidence: Evidence, dir: string): Promise<void> {
  await mkdir(dir, { recursive: true })
  for (const name of sourceNames) {
    const source = evidence[name]
    const header: Header =
      source.state === 'missing'
        ? { source: name, ...source }
        : { source: name, state: 'read', rows: source.rows.length, problems: source.problems }
    const rows = source.state === 'missing' ? [] : source.rows
    const lines = [header, ...rows].map(row => JSON.stringify(row))
    await writeFile(fileOf(dir, name), `${lines.join('\n')}\n`)
  }
}

/** Reads what `saveEvidence` wrote. A file that is absent, cut, or of another source counts as missing. */
export async function loadEvidence(dir: string): Promise<Evidence> {
  const entries = await Promise.all(
    sourceNames.map(async name => [name, await loadSource(dir, name)] as const),
  )
  return Object.fromEntries(entries) as Evidence
}

async function loadSource(dir: string, name: SourceName): Promise<Source<Rows[SourceName]>> {
  const file = fileOf(dir, name)
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    return { state: 'missing', why: `${file} cannot be read: ${(error as Error).message}` }
  }
  const { values, problems } = parseJsonLines(text, file)
  const [first, ...rest] = values
  const header = first?.value as Header | undefined
  if (header?.source !== name) return { state: 'missing', why: `${file} is not about ${name}` }
  if (header.state === 'missing') return { state: 'missing', why: header.why }
  if (header.rows !== rest.length) {
    const why = `${file} has ${rest.length} rows, and its header says ${header.rows}`
    return { state: 'missing', why }
  }
  const rows = rest.map(({ value }) => value as Rows[SourceName])
  return { state: 'read', rows, problems: [...header.problems, ...problems] }
}

function fileOf(dir: string, name: SourceName): string {
  return join(dir, `${name}.jsonl`)
}
