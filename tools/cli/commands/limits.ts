/** Prints every wait, and the relations that keep each longer than what happens inside it. */
import { nearestNames } from '@nightshift/local/nearest-names'
import { limitAt } from '@nightshift/patterns/timeout-hierarchy/timeout-hierarchy'
import {
  checkSystem,
  systemLimits,
  type WrittenLimits,
  writtenLimits,
} from '../../docs/system-limits.ts'
import { type Wait, waitPaths } from '../../docs/timeouts.ts'
import { drawLimits, type LimitChange } from '../terminal/draw-limits.ts'
import { exitWith, npmCommand, parsedBy, runCommand } from '../terminal/run-command.ts'

const description = `Prints the waits of all services as a tree, outermost first, and the relations between them with
their values. Exit code 1 when a relation is broken, with the sentence that says why it must hold. Nothing
has to run.

--with checks another value, and changes no file: predict what breaks, look, then find a value that fits.`

const changeForm = /^([^=]+)=(.*)$/
const numberForm = /^\d{1,12}(\.\d{1,6})?$/
const example = 'payments.provider.attemptMs=4000'

export const command = npmCommand('limits', description)
  .option(
    '--with <limit=value>',
    'a value to check instead of the written one; may be repeated',
    (text, before: readonly LimitChange[] = []) => {
      const change = parsedBy(readChange)(text)
      return [...before.filter(({ limit }) => limit !== change.limit), change]
    },
  )
  .option('--json', 'one JSON document instead of a tree')
  .addHelpText('after', `\nFor example:\n  npm run limits -- --with ${example}`)
  .action(exitWith(run))

if (import.meta.main) await runCommand(command)

type Options = { with?: readonly LimitChange[]; json?: boolean }

async function run({ with: changes = [], json }: Options): Promise<number> {
  const written = withChanges(changes)
  const groups = checkSystem(written)
  const limits = systemLimits(written)
  const holds = groups.every(({ relations }) => relations.every(relation => relation.holds))
  if (json) {
    const withValue = ({ inside = [], ...wait }: Wait): object => ({
      ...wait,
      ms: limitAt(limits, wait.limit),
      inside: inside.map(withValue),
    })
    const paths = waitPaths.map(({ title, waits }) => ({ title, waits: waits.map(withValue) }))
    console.log(JSON.stringify({ holds, changes, paths, groups }, null, 2))
  } else {
    console.log(drawLimits({ limits, groups, changes }))
  }
  return holds ? 0 : 1
}

/** @throws Error that says how it is written, or which limit may have been meant */
function readChange(text: string): LimitChange {
  const [, limit = '', value = ''] = changeForm.exec(text) ?? []
  if (limit === '') throw new Error(`--with takes a limit and its value, such as ${example}.`)
  const known = pathsIn(writtenLimits)
  if (!known.includes(limit)) {
    const near = nearestNames(limit, known)
    const hint = near.length > 0 ? `Near: ${near.join(', ')}.` : '`npm run limits` shows them.'
    throw new Error(`There is no limit ${limit}. ${hint}`)
  }
  const from = limitAt(writtenLimits, limit)
  if (!numberForm.test(value)) {
    const unit = limit.endsWith('Ms') ? ' of milliseconds' : ''
    throw new Error(`${limit} takes a number${unit}, such as ${limit}=${from}.`)
  }
  return { limit, from, to: Number(value) }
}

/** The paths of all numbers. */
function pathsIn(limits: object): string[] {
  return Object.entries(limits).flatMap(([name, value]) =>
    typeof value === 'object' ? pathsIn(value).map(path => `${name}.${path}`) : [name],
  )
}

function withChanges(changes: readonly LimitChange[]): WrittenLimits {
  const changed: WrittenLimits = structuredClone(writtenLimits)
  for (const { limit, to } of changes) {
    const names = limit.split('.')
    const last = names.pop() ?? ''
    const holder = names.reduce<unknown>(
      (inside, name) => (inside as Record<string, unknown>)[name],
      changed,
    )
    Object.assign(holder as object, { [last]: to })
  }
  return changed
}
