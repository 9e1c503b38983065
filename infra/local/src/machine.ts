import { access, constants } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { delimiter, isAbsolute, join } from 'node:path'

export type Environment = Readonly<Record<string, string | undefined>>

/** The only place where the search for parts reads this process's own environment. */
export function environmentOf(context: { environment?: Environment }): Environment {
  return context.environment ?? process.env
}

export type ProgramEnvironment = Readonly<Record<'PATH' | 'HOME', string> & { TMPDIR?: string }>

/**
 * The only variables that our programs inherit, also when we ask for their version: `JAVA_TOOL_OPTIONS`
 * or `LD_LIBRARY_PATH` of the shell would change them. Programs that download get everything, because
 * it may name a proxy.
 */
export function programEnvironment(environment: Environment): ProgramEnvironment {
  const { PATH = '', HOME = '/', TMPDIR } = environment
  return { PATH, HOME, ...(TMPDIR && { TMPDIR }) }
}

/** The absolute path that a shell would run for this name. */
export async function findExecutable(
  name: string,
  environment: Environment,
): Promise<string | undefined> {
  for (const directory of (environment['PATH'] ?? '').split(delimiter)) {
    const path = join(directory, name)
    if (isAbsolute(directory) && (await isExecutable(path))) return path
  }
  return undefined
}

export function isRoot(): boolean {
  return process.getuid?.() === 0
}

/** Whether the list of users of this machine has ours. */
export function hasUserName(): boolean {
  try {
    return userInfo().username !== ''
  } catch {
    return false // there is no line for it
  }
}

export function exists(path: string): Promise<boolean> {
  return isAccessible(path, constants.F_OK)
}

function isExecutable(path: string): Promise<boolean> {
  return isAccessible(path, constants.X_OK)
}

async function isAccessible(path: string, mode: number): Promise<boolean> {
  return access(path, mode).then(
    () => true,
    () => false,
  )
}
