import { signal } from '@preact/signals'
import type { Count, LabView, LaneCounts, LaneView } from '../../src/snapshot.ts'
import { ActionButton, act, said } from './actions.tsx'
import { Select } from './field.tsx'
import { useAnswer } from './use-answer.ts'

type Way = Readonly<{ name: string; title: string; isFirst: boolean; story: string }>

const everyMs = 500
const states = {
  closed: 'The two systems start when you press a button. That takes some seconds.',
  starting: 'The two systems start. That takes some seconds.',
  trying: 'The same payment is made in both systems.',
  open: 'Both systems are at rest. Try another way.',
} as const

const counters: readonly Readonly<{ name: keyof LaneCounts; title: string; owner: string }>[] = [
  { name: 'requests', title: 'requests', owner: 'history of the client' },
  { name: 'providerCalls', title: 'calls of the provider', owner: 'log of the card provider' },
  { name: 'charges', title: 'charges', owner: 'log of the card provider' },
  { name: 'booked', title: 'charges in our ledger', owner: 'database of payments' },
  { name: 'mails', title: 'mails to the candidate', owner: 'mail server' },
]

/** The way that was chosen in the list of further ways. */
const other = signal('')

/** One payment in two systems, a naive one and ours, disturbed in the same way. */
export function TwiceScreen() {
  const { answer: lab, problem } = useAnswer<LabView>('/lab', everyMs)
  const { answer: ways = [] } = useAnswer<Way[]>('/lab/ways')
  const { state = 'closed', lanes = [], tried, problem: why } = lab ?? {}
  const isBusy = state === 'starting' || state === 'trying'
  const others = ways.filter(({ isFirst }) => !isFirst)
  const chosen = other.value || (others[0]?.name ?? '')
  const tryWay = (way: string) => (isBusy ? Promise.resolve() : act('/lab', { way }))
  return (
    <div class="twice">
      <h2>Can you make it charge twice?</h2>
      <p>
        A client pays once. Break it on the way, and watch how often the card is charged: by a
        service that ignores idempotency keys, and by ours. Both are real, and run on this machine.
      </p>
      <div class="actions">
        {ways
          .filter(({ isFirst }) => isFirst)
          .map(({ name, title }) => (
            <ActionButton key={name} run={() => tryWay(name)}>
              {title}
            </ActionButton>
          ))}
      </div>
      <div class="actions">
        <Select
          label="Another way"
          value={chosen}
          options={others.map(({ name, title }) => ({ value: name, title }))}
          onChoose={name => {
            other.value = name
          }}
        />
        <ActionButton run={() => tryWay(chosen)}>Try it</ActionButton>
      </div>
      <p role="status">
        {states[state]} {isBusy ? '' : said.value === 'It begins.' ? '' : said.value}
      </p>
      {tried !== undefined && (
        <p class="expected">{ways.find(({ name }) => name === tried)?.story}</p>
      )}
      {why !== undefined && <p class="bad">{why}</p>}
      {problem !== '' && <p class="bad">{problem}</p>}
      <div class="lanes">
        {lanes.map(lane => (
          <LaneCard key={lane.name} lane={lane} />
        ))}
      </div>
    </div>
  )
}

function LaneCard({ lane }: { lane: LaneView }) {
  const charges = lane.counts?.charges.number
  const isWrong = charges !== undefined && charges > 1
  return (
    <section class="panel" aria-label={lane.title} data-lane={lane.name} data-state={lane.state}>
      <h2>
        {lane.title} <span>{lane.state}</span>
      </h2>
      <dl class="counters">
        {counters.map(({ name, title, owner }) => (
          <>
            <dt title={owner}>{title}</dt>
            <dd data-count={name} class={name === 'charges' && isWrong ? 'bad count' : 'count'}>
              {shown(lane.counts?.[name])}
            </dd>
          </>
        ))}
      </dl>
      {charges !== undefined && lane.state === 'ready' && (
        <p class={isWrong ? 'bad' : 'good'}>
          {isWrong ? `The card was charged ${charges} times.` : describe(charges)}
        </p>
      )}
      <ol>
        {lane.events.map((event, index) => (
          <li key={`${index} ${event}`}>{event}</li>
        ))}
      </ol>
    </section>
  )
}

function describe(charges: number): string {
  return charges === 1 ? 'The card was charged once.' : 'The card was not charged.'
}

function shown(count: Count | undefined): string {
  if (count === undefined) return '–'
  return count.unseen === undefined ? String(count.number) : `not seen: ${count.unseen}`
}
