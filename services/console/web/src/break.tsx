import { useSignal } from '@preact/signals'
import { ActionButton, act, said } from './actions.tsx'
import { Select, TextField } from './field.tsx'
import { openFaults, snapshot } from './store.ts'
import { useAnswer } from './use-answer.ts'

/** What the console says can be broken; see `GET /api/faults/targets`. */
type Targets = Readonly<{
  processes: readonly string[]
  links: readonly string[]
  settings: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  processFaults: readonly string[]
  toxics: Readonly<Record<string, readonly string[]>>
  /** What is expected with all patterns on, by the thing, or by the thing and its fault. */
  expected: Readonly<Record<string, string>>
}>

const expiries = [
  { ms: 20_000, title: '20 seconds' },
  { ms: 60_000, title: '1 minute' },
  { ms: 300_000, title: '5 minutes' },
] as const

/** All faults, what is expected of each, and those that are open now. */
export function BreakScreen() {
  const { answer: targets, problem } = useAnswer<Targets>('/faults/targets')
  return (
    <div class="break-screen">
      <section aria-label="Open faults">
        <h2>Open faults</h2>
        <OpenFaults />
        <ActionButton run={() => act('/heal', {})}>Heal everything</ActionButton>
        <p role="status">{said.value}</p>
      </section>
      {problem !== '' && <p class="bad">{problem}</p>}
      {targets && <FaultForm targets={targets} />}
    </div>
  )
}

function OpenFaults() {
  if (snapshot.value === undefined) return <p>Not seen yet.</p>
  const faults = openFaults.value
  if (faults.length === 0) return <p>Nothing is broken on purpose.</p>
  return (
    <ul class="faults">
      {faults.map(({ thing, what, seconds, healsInSeconds }) => (
        <li key={`${thing} ${what}`}>
          <span class="bad">
            {thing}: {what}
          </span>
          <span>
            {' '}
            for {seconds} s
            {healsInSeconds === undefined
              ? ', until it is healed'
              : `, heals in ${healsInSeconds} s`}
          </span>{' '}
          <ActionButton run={() => act('/heal', { thing })}>Heal {thing}</ActionButton>
        </li>
      ))}
    </ul>
  )
}

function FaultForm({ targets }: { targets: Targets }) {
  const thing = useSignal(targets.processes.find(name => name === 'payments') ?? '')
  const fault = useSignal('kill')
  const values = useSignal<Readonly<Record<string, string>>>({})
  const expiresInMs = useSignal<number>(60_000)

  const settings = targets.settings[thing.value]
  const isLink = targets.links.includes(thing.value)
  const faults = isLink
    ? ['down', ...Object.keys(targets.toxics)]
    : [
        ...targets.processFaults,
        ...(thing.value === 'redis' ? ['flush'] : []),
        ...(settings ? ['change a setting'] : []),
      ]
  const isSetting = fault.value === 'change a setting'
  const fields = isSetting ? Object.keys(settings ?? {}) : (targets.toxics[fault.value] ?? [])
  const expected =
    targets.expected[`${thing.value} ${fault.value}`] ?? targets.expected[thing.value]

  const choose = (name: string) => {
    thing.value = name
    fault.value = targets.links.includes(name) ? 'down' : 'kill'
    values.value = {}
  }
  const inject = () => {
    const given = Object.entries(values.value).filter(([, value]) => value !== '')
    const words = isSetting
      ? [thing.value, ...given.map(([name, value]) => `${name}=${value}`)]
      : [thing.value, fault.value]
    const flags = isSetting
      ? {}
      : Object.fromEntries(given.map(([name, value]) => [name.replaceAll('_', '-'), value]))
    return act('/faults', { words, flags, expiresInMs: expiresInMs.value })
  }

  return (
    <section aria-label="Break something">
      <h2>Break something</h2>
      <form onSubmit={event => event.preventDefault()}>
        <Select
          label="thing"
          value={thing.value}
          options={[
            ...targets.processes.map(value => ({ value, group: 'processes' })),
            ...targets.links.map(value => ({ value, group: 'links' })),
          ]}
          onChoose={choose}
        />
        <Select
          label="fault"
          value={fault.value}
          options={faults.map(value => ({ value }))}
          onChoose={name => {
            fault.value = name
            values.value = {}
          }}
        />
        {fields.map(name => (
          <TextField
            key={`${thing.value} ${fault.value} ${name}`}
            label={name.replaceAll('_', ' ')}
            placeholder={isSetting ? String(settings?.[name] ?? '') : ''}
            value={values.value[name] ?? ''}
            onText={text => {
              values.value = { ...values.value, [name]: text }
            }}
          />
        ))}
        <Select
          label="heals by itself after"
          value={String(expiresInMs.value)}
          options={expiries.map(({ ms, title }) => ({ value: String(ms), title }))}
          onChoose={ms => {
            expiresInMs.value = Number(ms)
          }}
        />
        <ActionButton run={inject} kind="submit">
          Break it
        </ActionButton>
      </form>
      {expected !== undefined && (
        <p class="expected">
          <strong>Expected with all patterns on:</strong> {expected}
        </p>
      )}
    </section>
  )
}
