import type { AlertView } from '../../src/clients/read-alerts.ts'
import type { BoardLine } from '../../src/domain/promise-board.ts'
import { Auditor } from './auditor.tsx'
import { useAnswer } from './use-answer.ts'

const everyMs = 2_000
const tones = { kept: 'good', broken: 'bad', 'not looked at': 'unknown' } as const

/** What the system promises, and whether it is kept as far as a look from outside can tell. */
export function PromisesScreen() {
  const { answer: board = [], problem } = useAnswer<BoardLine[]>('/promises', everyMs)
  return (
    <div>
      <p class="hint">Cheap looks, every five seconds. Only the auditor looks at all of them.</p>
      {problem !== '' && <p class="bad">{problem}</p>}
      <ul class="board">
        {board.map(line => (
          <PromiseLine key={line.code} line={line} />
        ))}
      </ul>
      <Auditor />
      <Alerts />
    </div>
  )
}

/** What Prometheus says. An alert that is silent is not in the list. */
function Alerts() {
  const { answer: alerts, problem } = useAnswer<AlertView[]>('/alerts', everyMs)
  return (
    <section aria-label="Alerts">
      <h2>Alerts</h2>
      {problem !== '' && <p class="hint">Not seen: {problem}</p>}
      {problem === '' && alerts?.length === 0 && <p class="good">No alert fires.</p>}
      <ul class="board">
        {problem === '' &&
          alerts?.map(({ name, severity, state, since, summary, runbook }) => (
            <li key={`${name} ${summary} ${since}`} data-alert={name} data-state={state}>
              <p>
                <strong>{name}</strong> {summary}
              </p>
              <p>
                <span class={state === 'firing' ? 'bad' : 'busy'}>{state}</span>{' '}
                <span class="hint">
                  {severity}, since {new Date(since).toLocaleTimeString()}. What to do:{' '}
                  <code>{runbook}</code>
                </span>
              </p>
            </li>
          ))}
      </ul>
    </section>
  )
}

function PromiseLine({ line }: { line: BoardLine }) {
  const { code, statement, state, detail, findings } = line
  return (
    <li data-promise={code} data-state={state}>
      <p>
        <strong>{code}</strong> {statement}
      </p>
      <p>
        <span class={tones[state]}>{state}</span> <span class="hint">{detail}</span>
      </p>
      {findings.map(({ what, lines }) => (
        <details key={what}>
          <summary class="bad">{what}</summary>
          <ul>
            {lines.map(text => (
              <li key={text}>{text}</li>
            ))}
          </ul>
        </details>
      ))}
    </li>
  )
}
