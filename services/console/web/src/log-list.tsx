import type { LogEntry } from '../../src/clients/search-logs.ts'

const tones: Readonly<Record<string, string>> = { error: 'bad', fatal: 'bad', warn: 'busy' }

/** Lines of logs, oldest first. Each can be opened as it was written, and leads to its trace. */
export function LogList({ logs }: { logs: readonly LogEntry[] }) {
  return (
    <ul class="logs">
      {logs.map(({ process, at, level, event, traceId, line }) => (
        <li key={`${process} ${line}`}>
          <details>
            <summary>
              <time>{new Date(at).toISOString().slice(11, 23)}</time> {process}{' '}
              <span class={tones[level] ?? 'hint'}>{level}</span> {event}
            </summary>
            <pre>{JSON.stringify(JSON.parse(line), null, 2)}</pre>
            {traceId !== undefined && <a href={`#/traces/${traceId}`}>its trace</a>}
          </details>
        </li>
      ))}
    </ul>
  )
}
