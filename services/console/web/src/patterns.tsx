import { useSignal } from '@preact/signals'
import type { ComparedExperiment } from '../../src/domain/committed-results.ts'
import { act, said } from './actions.tsx'
import { Select } from './field.tsx'
import { snapshot } from './store.ts'
import { useAnswer } from './use-answer.ts'
import { short } from './words.ts'

type Pattern = Readonly<{
  name: string
  title: string
  fault: string
  watch: string
  switch: string
  variants: readonly string[]
}>

/** Each pattern with its fault, and the version of it that each service runs. */
export function PatternsScreen() {
  const { answer: patterns = [], problem } = useAnswer<Pattern[]>('/patterns')
  const { answer: experiments = [] } = useAnswer<ComparedExperiment[]>('/compare/experiments')
  return (
    <div class="patterns">
      <p class="hint">
        A switch restarts the services that have the pattern. Everything else stays as it is.
      </p>
      <p role="status">{said.value}</p>
      {problem !== '' && <p class="bad">{problem}</p>}
      <ul class="cards">
        {patterns.map(pattern => (
          <PatternCard
            key={pattern.name}
            pattern={pattern}
            results={experiments.filter(each => each.pattern === pattern.name)}
          />
        ))}
      </ul>
    </div>
  )
}

function PatternCard(props: { pattern: Pattern; results: readonly ComparedExperiment[] }) {
  const { pattern, results } = props
  const running = Object.entries(snapshot.value?.variants[pattern.switch] ?? {})
  const others = running.filter(([, variant]) => variant !== 'on')
  const shown = others[0]?.[1] ?? (running.length > 0 ? 'on' : '')
  const isSwitching = useSignal(false)
  const change = async (variant: string) => {
    isSwitching.value = true
    await act('/patterns', { pattern: pattern.name, variant })
    isSwitching.value = false
  }
  return (
    <li class="panel" data-pattern={pattern.name} data-variant={shown}>
      <h2>{pattern.title}</h2>
      <p>Survives: {pattern.fault}.</p>
      <Select
        label={`${pattern.title} is`}
        value={shown}
        disabled={isSwitching.value || running.length === 0}
        options={[
          ...(running.length === 0 ? [{ value: '', title: 'not seen' }] : []),
          ...pattern.variants.map(value => ({ value })),
        ]}
        onChoose={change}
      />
      <p class={others.length > 0 ? 'bad' : 'hint'}>
        {running.map(([service, variant]) => `${service}: ${variant}`).join(', ')}
      </p>
      {others.length > 0 && <p class="expected">{pattern.watch}</p>}
      {results.length > 0 && (
        <details>
          <summary>
            Measured in {results.length === 1 ? 'one experiment' : `${results.length} experiments`}
          </summary>
          {results.map(({ name, unit, committed }) => (
            <p key={name} class="hint">
              <a href={`#/compare/${name}`}>{name}</a>: {short(committed.naive.value)} {unit}{' '}
              without, {short(committed.with.value)} with it.
            </p>
          ))}
        </details>
      )}
      <p class="hint">
        <code>packages/patterns/src/{pattern.name}/README.md</code>
      </p>
    </li>
  )
}
