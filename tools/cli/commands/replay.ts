/** Draws one payment of each arm of an experiment as a sequence diagram. */
import { mkdir } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { experiments } from '@nightshift/load-tests/experiments/all'
import { openThrowAwayParts } from '@nightshift/load-tests/harness/test-parts'
import { replayPage, replayPicture } from '@nightshift/load-tests/replay/replay-page'
import { type Replay, runReplay } from '@nightshift/load-tests/replay/run-replay'
import { describeCommit } from '@nightshift/load-tests/reporting/result-head'
import { readNumber } from '@nightshift/local/read-number'
import { repoRoot, statePaths } from '@nightshift/local/system/state'
import { writeWhole } from '@nightshift/local/write-whole'
import { Argument } from 'commander'
import { exitWith, npmCommand, parsedBy, runCommand } from '../terminal/run-command.ts'

const description = `Runs one short round of both arms of an experiment, with traces, chooses the payment
of each arm that had most to do with the fault, and draws what everybody wrote down about it: the client,
the services, PostgreSQL, Kafka, the mail server, and the card provider. The picture and its page are
written to .nightshift/replays, or to docs/replays with --write.`

const seedMax = 2 ** 31
const readSeed = (text: string) => readNumber('--seed', text, seedMax)
const readableByAll = 0o644

export const command = npmCommand('replay', description)
  .addArgument(
    new Argument('[names...]', 'experiments').choices(experiments.map(({ name }) => name)),
  )
  .option('--all', 'every experiment with two arms')
  .option('--seed <n>', 'where the seeded generator starts', parsedBy(readSeed), 1)
  .option('--write', 'keep the replays in docs/replays')
  .action(exitWith(run))

if (import.meta.main) await runCommand(command)

type Options = { all?: boolean; seed: number; write?: boolean }

async function run(names: readonly string[], { all, seed, write }: Options): Promise<number> {
  const chosen = all ? experiments : experiments.filter(({ name }) => names.includes(name))
  if (chosen.length === 0) command.error('error: name an experiment, or --all')
  const dir = write ? join(repoRoot, 'docs/replays') : join(statePaths().dir, 'replays')
  await mkdir(dir, { recursive: true })
  const commit = await describeCommit()
  await using open = await openThrowAwayParts()
  const failed: string[] = []
  for (const experiment of chosen) {
    const say = (line: string) => process.stderr.write(`${experiment.name}: ${line}\n`)
    try {
      const replay = await runReplay(experiment, { parts: open.parts, seed, say, ...commit })
      say(`wrote ${relative(repoRoot, await keep(dir, replay))}`)
    } catch (error) {
      failed.push(experiment.name)
      say(error instanceof Error ? error.message : String(error))
    }
  }
  if (failed.length > 0) console.error(`No replay of: ${failed.join(', ')}`)
  return failed.length > 0 ? 1 : 0
}

/** Answers the file of the page. The picture and what was recorded are beside it. */
async function keep(dir: string, replay: Replay): Promise<string> {
  const file = (ending: string) => join(dir, `${replay.name}.${ending}`)
  await writeWhole(file('json'), `${JSON.stringify(replay, null, 1)}\n`, readableByAll)
  await writeWhole(file('svg'), replayPicture(replay), readableByAll)
  await writeWhole(file('html'), replayPage(replay), readableByAll)
  return file('html')
}
