import type { CompareRun } from '../../src/clients/compare-control.ts'
import type {
  ArmFigure,
  ComparedExperiment,
  Comparison,
} from '../../src/domain/committed-results.ts'
import { ActionButton, act, said } from './actions.tsx'
import { Select } from './field.tsx'
import { place } from './store.ts'
import { useAnswer } from './use-answer.ts'
import { short } from './words.ts'

const everyMs = 1_000
const msPerSecond = 1_000

/** Runs the two arms of an experiment here, and draws them beside the committed result. */
export function CompareScreen() {
  const { answer: experiments = [], problem } =
    useAnswer<ComparedExperiment[]>('/compare/experiments')
  const { answer: run } = useAnswer<CompareRun>('/compare/run', everyMs)
  const [, name = 'idempotency-key'] = place.value
  const chosen = experiments.find(each => each.name === name)
  const isRunning = run?.state === 'running'
  return (
    <div>
      <p class="hint">
        Each experiment runs twice on a system of its own, once with the naive version of a pattern
        and once with the pattern. It takes a minute or two, and all of the processor.
      </p>
      {problem !== '' && <p class="bad">{problem}</p>}
      <form onSubmit={event => event.preventDefault()}>
        <Select
          label="experiment"
          value={name}
          options={experiments.map(each => ({
            value: each.name,
            title: `${each.name}: ${each.title}`,
          }))}
          onChoose={each => {
            location.hash = `#/compare/${each}`
          }}
        />
        {isRunning ? (
          <ActionButton run={() => act('/compare/stop', {})}>Stop</ActionButton>
        ) : (
          <ActionButton run={() => act('/compare', { name })} kind="submit">
            Run both arms
          </ActionButton>
        )}
      </form>
      <p role="status">{said.value}</p>
      {chosen && <Chosen experiment={chosen} run={run?.name === chosen.name ? run : undefined} />}
      {run && run.name !== chosen?.name && isRunning && <p>{run.name} runs now.</p>}
    </div>
  )
}

function Chosen({
  experiment,
  run,
}: {
  experiment: ComparedExperiment
  run: CompareRun | undefined
}) {
  const { title, hypothesis, unit, committed } = experiment
  const date = new Date(committed.date).toLocaleDateString()
  return (
    <section aria-label={experiment.name}>
      <h2>{title}</h2>
      <p>{hypothesis}</p>
      <Arms
        title={`committed: median of ${committed.rounds} rounds, ${date}, ${committed.commit.slice(0, 8)}`}
        unit={unit}
        arms={committed}
      />
      {run?.measured && (
        <Arms title={`here: one short round, ${run.outcome}`} unit={unit} arms={run.measured} />
      )}
      {experiment.hasReplay && <ReplayPicture name={experiment.name} />}
      {run?.problem !== undefined && <p class="bad">{run.problem}</p>}
      {run?.state === 'running' && (
        <p>Running for {Math.round((Date.now() - (run.startedAt ?? 0)) / msPerSecond)} s.</p>
      )}
      {run && run.lines.length > 0 && (
        <details>
          <summary>What it says</summary>
          <pre>{run.lines.join('\n')}</pre>
        </details>
      )}
    </section>
  )
}

/** One payment of each arm, as everybody wrote it down. `npm run replay` has recorded it. */
function ReplayPicture({ name }: { name: string }) {
  const address = `/replays/${name}.svg`
  return (
    <figure class="replay">
      <figcaption>
        recorded: one payment without and one with the pattern (<a href={address}>alone</a>; in
        words, with what was counted: <code>docs/replays/{name}.html</code>)
      </figcaption>
      <img src={address} alt={`Two sequence diagrams of ${name}`} loading="lazy" />
    </figure>
  )
}

/** Two bars with one scale. A bar shows the share of what could go wrong, where that is known. */
function Arms({ title, unit, arms }: { title: string; unit: string; arms: Comparison }) {
  const whole = Math.max(
    1,
    ...[arms.naive, arms.with].flatMap(arm => [arm.value, arm.most, arm.of ?? 0]),
  )
  return (
    <figure class="arms">
      <figcaption>{title}</figcaption>
      <ArmBar name="naive" tone="bad" unit={unit} arm={arms.naive} whole={whole} />
      <ArmBar name="with the pattern" tone="good" unit={unit} arm={arms.with} whole={whole} />
    </figure>
  )
}

function ArmBar(props: {
  name: string
  tone: 'good' | 'bad'
  unit: string
  arm: ArmFigure
  whole: number
}) {
  const { name, tone, unit, arm, whole } = props
  const of = arm.of === undefined ? '' : ` of ${short(arm.of)}`
  const range = arm.least === arm.most ? '' : ` (${short(arm.least)} to ${short(arm.most)})`
  return (
    <p data-arm={name} data-value={arm.value}>
      <strong>{name}</strong> {short(arm.value)}
      {of} {unit}
      {range}
      <span class="track" aria-hidden="true">
        <span class={`bar ${tone}`} style={{ left: '0', width: `${(arm.value / whole) * 100}%` }} />
      </span>
    </p>
  )
}
