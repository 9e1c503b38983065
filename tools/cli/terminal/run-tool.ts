import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:os'
import { repoRoot } from '@nightshift/local/system/state'

/** Runs a program in the foreground, at the root of the repository; answers its exit code. */
export async function runTool(
  command: string,
  args: readonly string[],
  environment?: Readonly<Record<string, string | undefined>>,
): Promise<number> {
  const child = spawn(command, args, { cwd: repoRoot, stdio: 'inherit', env: environment })
  const forward = (signal: NodeJS.Signals) => child.kill(signal)
  process.on('SIGTERM', forward)
  // A terminal sends SIGINT to the child as well; this process must not end before the child.
  const wait = () => undefined
  process.on('SIGINT', wait)
  try {
    const [code, signal] = await once(child, 'exit')
    return code ?? 128 + constants.signals[signal as NodeJS.Signals]
  } finally {
    process.off('SIGTERM', forward)
    process.off('SIGINT', wait)
  }
}
