import { useSignal } from '@preact/signals'
import { ActionButton, act, said } from './actions.tsx'
import { Select } from './field.tsx'
import { snapshot } from './store.ts'
import { short } from './words.ts'

const scenarios = [
  { name: 'baseline', title: 'the same rate all the time' },
  { name: 'spike', title: 'a steady rate, then ten times as much, then steady again' },
  { name: 'three-in-the-morning', title: 'steady, rated capacity, ten times as much, steady' },
] as const
const multiples = [1, 2, 3, 5, 7, 10]
const lengths = [30, 60, 180, 600]
const counted = [
  { name: 'offered', title: 'offered' },
  { name: 'good', title: 'good' },
  { name: 'refused', title: 'refused' },
  { name: 'pending', title: 'pending' },
  { name: 'lost', title: 'lost' },
] as const

/** Sends load from here, and shows what becomes of it. */
export function LoadScreen() {
  const scenario = useSignal<string>('baseline')
  const times = useSignal(1)
  const seconds = useSignal(60)
  const load = snapshot.value?.load
  const isRunning = load?.state === 'running' || load?.state === 'preparing'
  const start = () =>
    act('/load', { scenario: scenario.value, times: times.value, seconds: seconds.value })
  return (
    <div>
      <p class="hint">
        1x is 7 employers a second, and three candidates search meanwhile. k6 runs on the same
        machine as the system, and takes processor time from it.
      </p>
      <form onSubmit={event => event.preventDefault()}>
        <Select
          label="scenario"
          value={scenario.value}
          options={scenarios.map(({ name, title }) => ({
            value: name,
            title: `${name}: ${title}`,
          }))}
          onChoose={name => {
            scenario.value = name
          }}
        />
        <Select
          label="load"
          value={String(times.value)}
          options={multiples.map(each => ({ value: String(each), title: `${each}x` }))}
          onChoose={each => {
            times.value = Number(each)
          }}
        />
        <Select
          label="for"
          value={String(seconds.value)}
          options={lengths.map(length => ({ value: String(length), title: `${length} seconds` }))}
          onChoose={length => {
            seconds.value = Number(length)
          }}
        />
        {isRunning ? (
          <ActionButton run={() => act('/load/stop', {})}>Stop the load</ActionButton>
        ) : (
          <ActionButton run={start} kind="submit">
            Start
          </ActionButton>
        )}
      </form>
      <p role="status">{said.value}</p>
      <LoadNumbers />
    </div>
  )
}

function LoadNumbers() {
  const load = snapshot.value?.load
  if (load === undefined || load.state === 'idle') return <p>No load is sent from here.</p>
  const { state, scenario, perSecond, lastSecond, totals, note } = load
  return (
    <section aria-label="The load">
      <h2>
        {scenario} <span>{state}</span>
      </h2>
      {note !== undefined && note !== '' && <p>{note}</p>}
      {perSecond !== undefined && <p>{perSecond} employers per second</p>}
      <table>
        <thead>
          <tr>
            <th scope="col">attempts</th>
            <th scope="col">last second</th>
            <th scope="col">all</th>
          </tr>
        </thead>
        <tbody>
          {counted.map(({ name, title }) => (
            <tr key={name}>
              <th scope="row">{title}</th>
              <td class="number">{state === 'running' ? (lastSecond?.[name] ?? 0) : '–'}</td>
              <td class="number">{totals?.[name] ?? '–'}</td>
            </tr>
          ))}
          <tr>
            <th scope="row">p99 of the good, ms</th>
            <td class="number">
              {state === 'running' && lastSecond?.p99Ms !== undefined
                ? short(lastSecond.p99Ms)
                : '–'}
            </td>
            <td class="number">–</td>
          </tr>
        </tbody>
      </table>
    </section>
  )
}
