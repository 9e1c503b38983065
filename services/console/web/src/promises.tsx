import type { BoardLine } from '../../src/domain/promise-board.ts'
import { useAnswer } from './use-answer.ts'

const everyMs = 2_000
const tones = { kept: 'good', broken: 'bad', 'not looked at': 'unknown' } as const

/** What the system promises, and whether it is kept as far as a look from outside can tell. */
export function PromisesScreen() {
  const { answer: board = [], problem } = useAnswer<BoardLine[]>('/promises', everyMs)
  return (
    <div>
      <p class="hint">
        Cheap looks, every five seconds. The auditor, <code>npm run audit</code>, reads every source
        and looks at all of them.
      </p>
      {problem !== '' && <p class="bad">{problem}</p>}
      <ul class="board">
        {board.map(line => (
          <PromiseLine key={line.code} line={line} />
        ))}
      </ul>
    </div>
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
