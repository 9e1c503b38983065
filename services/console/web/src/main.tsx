import { render } from 'preact'
import { BreakScreen } from './break.tsx'
import { CompareScreen } from './compare.tsx'
import { LoadScreen } from './load.tsx'
import { MapScreen } from './map.tsx'
import { PatternsScreen } from './patterns.tsx'
import { PromisesScreen } from './promises.tsx'
import { connection, openFaults, place, snapshot, startListening } from './store.ts'
import { TimelineScreen } from './timeline.tsx'
import { TracesScreen } from './traces.tsx'
import { TwiceScreen } from './twice.tsx'

const screens = [
  { name: 'twice', title: 'Charge twice?', Screen: TwiceScreen },
  { name: 'map', title: 'Map', Screen: MapScreen },
  { name: 'break', title: 'Break', Screen: BreakScreen },
  { name: 'patterns', title: 'Patterns', Screen: PatternsScreen },
  { name: 'load', title: 'Load', Screen: LoadScreen },
  { name: 'timeline', title: 'Timeline', Screen: TimelineScreen },
  { name: 'promises', title: 'Promises', Screen: PromisesScreen },
  { name: 'traces', title: 'Traces', Screen: TracesScreen },
  { name: 'compare', title: 'Compare', Screen: CompareScreen },
] as const

const connectionWords = {
  connecting: 'connecting',
  live: 'live',
  lost: 'the console does not answer; what is shown is old',
} as const

function Page() {
  const [name = ''] = place.value
  const { Screen, title } = screens.find(screen => screen.name === name) ?? screens[0]
  return (
    <>
      <a class="skip" href="#content">
        To the content
      </a>
      <header>
        <h1>
          Nightshift <span>{title}</span>
        </h1>
        <nav aria-label="Screens">
          {screens.map(screen => (
            <a
              key={screen.name}
              href={`#/${screen.name}`}
              aria-current={screen.title === title ? 'page' : undefined}
            >
              {screen.title}
            </a>
          ))}
        </nav>
        <Summary />
      </header>
      <main id="content" tabIndex={-1}>
        <Unseen />
        <Screen />
      </main>
    </>
  )
}

function Summary() {
  const faults = openFaults.value.length
  const state = connection.value
  return (
    <p class="summary" role="status">
      <span class={`dot ${state === 'live' ? 'good' : 'bad'}`} aria-hidden="true" />
      <span>{connectionWords[state]}</span>
      {faults > 0 && (
        <a class="bad" href="#/break">
          {faults === 1 ? '1 open fault' : `${faults} open faults`}
        </a>
      )}
    </p>
  )
}

function Unseen() {
  const unseen = snapshot.value?.unseen ?? []
  if (unseen.length === 0) return null
  return (
    <section class="unseen" aria-label="Not seen">
      <h2>The console cannot see</h2>
      <ul>
        {unseen.map(({ what, why }) => (
          <li key={what}>
            {what}: {why}
          </li>
        ))}
      </ul>
    </section>
  )
}

const root = document.getElementById('console')
if (root) render(<Page />, root)
startListening()
