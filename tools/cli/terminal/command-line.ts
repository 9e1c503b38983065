import { type ParseArgsOptionsConfig, parseArgs } from 'node:util'

const exitUsage = 2

type Values = Readonly<Record<string, string | boolean | undefined>>

export type Command = Readonly<{
  /** Shown by `--help`: the usage line, then what a person should know. */
  help: string
  /** Besides `--help`, which every command has. */
  options?: ParseArgsOptionsConfig
  allowPositionals?: boolean
  /** Answers the exit code. */
  run: (values: Values, positionals: readonly string[]) => Promise<number>
}>

/**
 * Runs a command to its end and leaves with its exit code. What went wrong in the world is told in
 * one message; what went wrong in the program comes with its stack.
 */
export async function runCommandLine(command: Command, args: readonly string[]): Promise<never> {
  process.exit(await exitCodeOf(command, args))
}

async function exitCodeOf(command: Command, args: readonly string[]): Promise<number> {
  let parsed: ReturnType<typeof parseArgs>
  try {
    parsed = parseArgs({
      args: [...args],
      options: { ...command.options, help: { type: 'boolean', short: 'h' } },
      allowPositionals: command.allowPositionals ?? false,
    })
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n\n${command.help}\n`)
    return exitUsage
  }
  if (parsed.values['help']) {
    process.stdout.write(`${command.help}\n`)
    return 0
  }
  try {
    return await command.run(parsed.values as Values, parsed.positionals)
  } catch (error) {
    const isAboutTheWorld = error instanceof Error && error.name === 'Error'
    process.stderr.write(`${isAboutTheWorld ? error.message : stackOf(error)}\n`)
    return 1
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
