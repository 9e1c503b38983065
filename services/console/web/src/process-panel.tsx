import { ActionButton, act, said } from './actions.tsx'
import { instancesOf, openFaults } from './store.ts'
import { useAnswer } from './use-answer.ts'
import { healthOf } from './words.ts'

const logEveryMs = 2_000
const processActions = [
  { word: 'kill', title: 'Kill' },
  { word: 'restart', title: 'Restart' },
  { word: 'freeze', title: 'Freeze' },
  { word: 'stop', title: 'Stop' },
] as const

/** One process: its state, its faults, the end of its log, and what can be done with it. */
export function ProcessPanel({ name }: { name: string }) {
  const instances = instancesOf(name)
  return (
    <section class="panel" aria-label={name}>
      <h2>{name}</h2>
      {instances.length === 0 && <p>The supervisor does not know it, or does not answer.</p>}
      {instances.map(process => {
        const faults = openFaults.value.filter(({ thing }) => thing === process.name)
        const { word, tone } = healthOf(process, faults.length > 0)
        return (
          <div key={process.name}>
            <dl>
              <dt>process</dt>
              <dd>{process.name}</dd>
              <dt>state</dt>
              <dd class={tone}>{word}</dd>
              <dt>memory</dt>
              <dd>
                {process.memoryMiB === undefined ? '–' : `${Math.round(process.memoryMiB)} MiB`}
              </dd>
              <dt>restarts</dt>
              <dd>{process.restarts}</dd>
              {process.reason !== undefined && (
                <>
                  <dt>why</dt>
                  <dd>{process.reason}</dd>
                </>
              )}
              {faults.map(({ what, seconds }) => (
                <>
                  <dt>fault</dt>
                  <dd class="bad">
                    {what}, for {seconds} s
                  </dd>
                </>
              ))}
            </dl>
            <div class="actions">
              {processActions.map(({ word: action, title }) => (
                <ActionButton
                  key={action}
                  run={() => act('/faults', { words: [process.name, action] })}
                >
                  {title}
                </ActionButton>
              ))}
              <ActionButton run={() => act('/heal', { thing: process.name })}>Heal</ActionButton>
            </div>
          </div>
        )
      })}
      <p role="status">{said.value}</p>
      <LogLines name={name} />
    </section>
  )
}

function LogLines({ name }: { name: string }) {
  const { answer, problem } = useAnswer<{ lines: string[] }>(
    `/processes/${encodeURIComponent(name)}/log`,
    logEveryMs,
  )
  return (
    <>
      <h3>The end of its log</h3>
      {problem !== '' && <p>{problem}</p>}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a keyboard must be able to scroll it */}
      <pre tabIndex={0}>{(answer?.lines ?? []).join('\n')}</pre>
    </>
  )
}
