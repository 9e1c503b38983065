import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:os'
import { repoRoot } from '@nightshift/local/system/state'

/**
 * Runs a program in the foreground, at the root of the repository; answers its exit code. What it prints
 * goes straight to the terminal, or through this process, which shows control characters: for a program
 * that prints what others wrote.
 */
export async function runTool(
  command: string,
  args: readonly string[],
  environment?: Readonly<Record<string, string | undefined>>,
  { printsTextOfOthers = false } = {},
): Promise<number> {
  const child = spawn(command, args, {
    cwd: repoRoot,
    stdio: ['inherit', printsTextOfOthers ? 'pipe' : 'inherit', 'inherit'],
    env: environment,
  })
  child.stdout?.setEncoding('utf8').pipe(process.stdout, { end: false })
  const forward = (signal: NodeJS.Signals) => child.kill(signal)
  process.on('SIGTERM', forward)
  // A terminal sends SIGINT to the child as well; this process must not end before the child.
  const wait = () => undefined
  process.on('SIGINT', wait)
  try {
    const [code, signal] = await once(child, 'close')
    return code ?? 128 + constants.signals[signal as NodeJS.Signals]
  } finally {
    process.off('SIGTERM', forward)
    process.off('SIGINT', wait)
  }
}
