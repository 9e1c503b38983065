import { Command, CommanderError, InvalidArgumentError } from 'commander'
import { guardOutput } from './show-controls.ts'

export const exitUsage = 2

/** Scripts that npm starts without `run`. */
const shortScripts = ['start', 'stop', 'test']

/**
 * A command under the name by which npm starts it, to which options and an action are added.
 * @param description paragraphs with a blank line between them; commander wraps their lines
 */
export function npmCommand(script: string, description: string): Command {
  const npm = shortScripts.includes(script) ? 'npm' : 'npm run'
  return new Command(`${npm} ${script} --`)
    .description(description.replace(/(?<!\n)\n(?!\n)/g, ' '))
    .exitOverride()
    .showHelpAfterError()
}

/** An action of a command that answers the exit code. */
export function exitWith<Given extends unknown[]>(run: (...given: Given) => Promise<number>) {
  return async (...given: Given): Promise<void> => {
    process.exitCode = await run(...given)
  }
}

/** Makes an option reader for commander from one that throws: its message is about wrong usage. */
export function parsedBy<T>(read: (text: string) => T): (text: string) => T {
  return text => {
    try {
      return read(text)
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      throw Object.assign(new InvalidArgumentError(message), { cause: error })
    }
  }
}

/** Runs a command to its end and ends this process with its exit code. */
export async function runCommand(
  command: Command,
  args: readonly string[] = process.argv.slice(2),
  /** For a command that leaves the terminal to a program which moves the cursor. */
  { movesCursor = false } = {},
): Promise<never> {
  for (const stream of [process.stdout, process.stderr]) {
    if (!movesCursor) guardOutput(stream)
    stream.on('error', ignoreClosedPipe)
  }
  process.exit(await exitCodeOf(command, args))
}

/**
 * A reader that has seen enough, as in `| head -1`, is no error, and no reason to leave a start half
 * done: the command goes on in silence.
 */
function ignoreClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error
}

/**
 * The exit code of a command. An error of the world, such as a system that does not run, is one
 * message; an error of the program comes with its stack.
 */
export async function exitCodeOf(command: Command, args: readonly string[]): Promise<number> {
  try {
    await command.parseAsync(args, { from: 'user' })
    return Number(process.exitCode ?? 0)
  } catch (error) {
    // commander has written the message or the help by now.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitUsage
    const isOfTheWorld = error instanceof Error && error.name === 'Error'
    process.stderr.write(
      `${isOfTheWorld ? error.message : (lostAnswer(error) ?? stackOf(error))}\n`,
    )
    return 1
  }
}

/** In words, if what the command asked has gone or does not answer, as when it is stopped meanwhile. */
function lostAnswer(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  const isLost = error.message === 'fetch failed' || error.name === 'TimeoutError'
  const { cause } = error
  const reason = cause instanceof Error ? cause.message || cause.name : error.message
  return isLost ? `No answer: ${reason}. See \`npm run status\`.` : undefined
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
