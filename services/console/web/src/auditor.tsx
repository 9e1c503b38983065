import type { AuditView } from '../../src/clients/audit-control.ts'
import { ActionButton, act, said } from './actions.tsx'
import { addressOf } from './moment.ts'
import { useAnswer } from './use-answer.ts'

const everyMs = 2_000

/** The auditor on demand. It looks at every promise, and needs the system to come to rest. */
export function Auditor() {
  const { answer } = useAnswer<AuditView>('/audit', everyMs)
  const { state = 'idle', verdict, problem, lines = [], endedAt } = answer ?? {}
  return (
    <section aria-label="Auditor">
      <h2>
        Auditor <span>reads every source, and looks at all promises</span>
      </h2>
      <ActionButton run={() => act('/audit', {})}>Run the auditor</ActionButton>
      <p role="status">{said.value}</p>
      {state === 'running' && <p>At work.</p>}
      {problem !== undefined && (
        <p class="bad">
          {problem}. {lines.slice(-2).join(' ')}
        </p>
      )}
      {verdict && (
        <p data-verdict={String(verdict.valid)}>
          {new Date(endedAt ?? 0).toLocaleTimeString()}: {wordsOf(verdict.valid)}
        </p>
      )}
      {verdict?.inconclusive.map(why => (
        <p key={why} class="hint">
          {why}
        </p>
      ))}
      <ul class="board">
        {verdict?.violations.map(({ promise, message, timeline }) => (
          <li key={`${promise} ${message}`}>
            <p>
              <strong class="bad">{promise}</strong> {message}
            </p>
            <ul class="logs">
              {timeline.map(({ t, source, line }) => (
                <li key={`${t} ${line}`}>
                  <a href={addressOf(t)}>{new Date(t).toLocaleTimeString()}</a> {source}: {line}
                </li>
              ))}
            </ul>
          </li>
        ))}
      </ul>
    </section>
  )
}

function wordsOf(valid: boolean | 'unknown') {
  if (valid === true) return <span class="good">all promises were kept</span>
  if (valid === false) return <span class="bad">a promise was broken</span>
  return <span class="busy">too little was seen to say that all were kept</span>
}
