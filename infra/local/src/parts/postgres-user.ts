import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type Environment, isRoot } from '../machine.ts'
import { runCommand } from './run-command.ts'
import type { Rung } from './try-each.ts'

/** Who PostgreSQL runs as: the words before its command, and who must own its files. */
type PostgresUser = { prefix: readonly string[]; owner: { uid: number; gid: number } }

const nobody = 65534
const versionDeadlineMs = 5_000
const chownDeadlineMs = 60_000

const setpriv = ['setpriv', `--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups']

/**
 * PostgreSQL refuses to run as root, and a clone that lies in root's home (mode 0700) cannot even
 * be entered by `nobody`. In order of preference:
 */
const users = {
  /** Not root: nothing to do. */
  caller: { prefix: [], owner: { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 } },
  /** A user namespace: inside it we are `nobody`, outside every file stays root's. */
  namespace: {
    prefix: ['unshare', '--user', `--map-user=${nobody}`, `--map-group=${nobody}`],
    owner: { uid: 0, gid: 0 },
  },
  /**
   * Where namespaces are switched off: works if every directory above is open. Giving `nobody` the
   * capability to enter closed ones does not help: PostgreSQL asks access(2) about its own binary,
   * and that looks at the user alone.
   */
  nobody: { prefix: setpriv, owner: { uid: nobody, gid: nobody } },
} as const satisfies Record<string, PostgresUser>

export type PostgresUserName = keyof typeof users

export type PostgresVersion = { user: PostgresUserName; version: string }

/** The ways to run PostgreSQL on this machine; each proves itself by `postgres --version`. */
export function postgresUserRungs(
  native: string,
  environment: Environment,
  names: readonly PostgresUserName[] = isRoot() ? ['namespace', 'nobody'] : ['caller'],
): Rung<PostgresVersion>[] {
  return names.map(user => ({
    name: `PostgreSQL as ${user}`,
    fetches: false,
    attempt: async () => {
      const [command, ...args] = asUser(user, join(native, 'bin/postgres'), ['--version'])
      const { stdout } = await runCommand(command, args, {
        environment,
        deadlineMs: versionDeadlineMs,
      })
      return { user, version: /\d+(\.\d+)?/.exec(stdout)?.[0] ?? stdout.trim() }
    },
  }))
}

/** Reads back a name that travelled as plain text in `Found`. */
export function postgresUserName(text: string | undefined): PostgresUserName {
  if (text !== undefined && Object.hasOwn(users, text)) return text as PostgresUserName
  throw new Error(`no way is known to run PostgreSQL as ${text}`)
}

/** The words of a command that runs as this user. */
export function asUser(
  user: PostgresUserName,
  command: string,
  args: readonly string[],
): [string, ...string[]] {
  const [first, ...rest] = users[user].prefix
  return first === undefined ? [command, ...args] : [first, ...rest, command, ...args]
}

/** Gives files to the user that will use them; they may come from another rung of the ladder. */
export async function giveTo(
  user: PostgresUserName,
  path: string,
  environment: Environment,
): Promise<void> {
  const { uid, gid } = users[user].owner
  const owner = (await stat(path)).uid
  if (owner === uid) return
  if (!isRoot()) {
    throw new Error(`${path} belongs to user ${owner}: as that user, run \`npm run reset\``)
  }
  // Depth first: the directory itself changes hands last, so an interrupted run is taken up again.
  await runCommand('find', [path, '-depth', '-exec', 'chown', `${uid}:${gid}`, '{}', '+'], {
    environment,
    deadlineMs: chownDeadlineMs,
  })
}
