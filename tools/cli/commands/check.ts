/** Checks types, style, dead code, structure and reference pages. */
import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { repoRoot } from '@nightshift/local/system/state'
import { exitWith, npmCommand, runCommand } from '../terminal/run-command.ts'
import { runTool } from '../terminal/run-tool.ts'
import { renderTable } from '../terminal/table.ts'

const description = `Runs tsc, Biome, knip, the structure rules and the comparison of the reference pages, side by
side. A check whose files have not changed since the last time is not run again.`

const tasks = ['types', 'lint', 'dead', 'structure', 'reference']
const summariesDir = join(repoRoot, '.turbo/runs')

export const command = npmCommand('check', description).action(exitWith(run))

if (import.meta.main) await runCommand(command)

async function run(): Promise<number> {
  const turbo = join(repoRoot, 'node_modules/.bin/turbo')
  const flags = ['--output-logs=errors-only', '--log-order=grouped', '--continue=always']
  const before = new Set(await listSummaries())
  const exitCode = await runTool(turbo, ['run', ...tasks, ...flags, '--summarize'], {
    ...process.env,
    TURBO_TELEMETRY_DISABLED: '1',
    DO_NOT_TRACK: '1',
  })
  for (const file of await listSummaries()) {
    if (before.has(file)) continue
    console.log(`\n${describe(await readFile(file, 'utf8'))}`)
    await rm(file)
  }
  return exitCode
}

type Summary = {
  tasks: {
    task: string
    cache: { status: string }
    execution?: { startTime: number; endTime: number; exitCode: number }
  }[]
}

function describe(summary: string): string {
  const { tasks: ran }: Summary = JSON.parse(summary)
  return renderTable(
    ran.map(({ task, cache, execution }) => {
      const ms = execution ? execution.endTime - execution.startTime : 0
      const outcome = execution?.exitCode === 0 ? 'ok' : 'failed'
      const isRemembered = cache.status === 'HIT'
      return {
        check: task.replace('//#', ''),
        outcome,
        seconds: (ms / 1000).toFixed(1).padStart(7),
        note: isRemembered ? 'unchanged' : '',
      }
    }),
  )
}

async function listSummaries(): Promise<string[]> {
  const names = await readdir(summariesDir).catch(() => []) // none were written yet
  return names.filter(name => name.endsWith('.json')).map(name => join(summariesDir, name))
}
