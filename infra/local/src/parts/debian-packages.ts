import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Environment, environmentOf, isRoot } from '../machine.ts'
import type { SearchContext } from './part.ts'
import { runCommand } from './run-command.ts'
import { type Candidate, filledDirectory, tryEach } from './try-each.ts'
import { unpackOnce } from './unpack-once.ts'

const downloadDeadlineMs = 120_000
const updateDeadlineMs = 180_000
const commandDeadlineMs = 20_000
/** Rounds of "something is missing, fetch the dependencies of what is there". */
const dependencyRoundsMax = 3

type DebianProgram = Readonly<{
  /** For a person. */
  title: string
  packages: readonly string[]
  /** Its path inside the packages. */
  program: string
  /** Where they are unpacked. */
  directory: string
}>

/** A program from Debian packages: unpacked by an earlier start, or fetched and unpacked now. */
export function debianCandidates<Found>(
  context: SearchContext,
  { title, packages, program, directory }: DebianProgram,
  check: (program: string, libraries: string, from: string) => Promise<Found>,
): Readonly<{ unpackedDebian: Candidate<Found>; debian: Candidate<Found> }> {
  const checkUnpacked = async () =>
    check(join(directory, program), await librariesIn(directory), 'Debian packages')
  return {
    unpackedDebian: filledDirectory(directory, checkUnpacked),
    debian: {
      name: 'Debian packages',
      fetches: true,
      attempt: async () => {
        context.report?.(`${title}: unpacking Debian packages`)
        await unpackOnce(directory, draft =>
          unpackDebianPackages(packages, program, draft, environmentOf(context)),
        )
        return checkUnpacked()
      },
    },
  }
}

/**
 * Unpacks packages of Debian or Ubuntu into a directory, installing nothing. Libraries are fetched
 * only if the machine lacks them: `ldd` tells whether, and `Depends` tells which.
 */
export async function unpackDebianPackages(
  packages: readonly string[],
  program: string,
  into: string,
  environment: Environment,
): Promise<void> {
  const downloads = `${into}/downloads`
  await mkdir(downloads, { recursive: true })
  await bringWithLibraries(packages, program, into, downloads, environment)
  await rm(downloads, { recursive: true })
}

async function bringWithLibraries(
  packages: readonly string[],
  program: string,
  into: string,
  downloads: string,
  environment: Environment,
): Promise<void> {
  const fetched = new Set<string>()
  let wanted = [...packages]
  for (let round = 0; round <= dependencyRoundsMax && wanted.length > 0; round += 1) {
    await download(wanted, downloads, environment)
    for (const name of wanted) fetched.add(name)
    const archives = (await readdir(downloads)).filter(name => name.endsWith('.deb'))
    for (const archive of archives) {
      await command('dpkg', ['-x', join(downloads, archive), into], environment)
    }
    const missing = await missingLibraries(join(into, program), into, environment)
    if (missing.length === 0) return
    wanted = await uninstalledDependencies(downloads, archives, fetched, environment)
  }
  const missing = await missingLibraries(join(into, program), into, environment)
  throw new Error(`${program} lacks ${missing.join(', ')}, and no dependency brings it`)
}

/** The value of LD_LIBRARY_PATH by which the dynamic linker finds unpacked libraries. */
async function librariesIn(root: string): Promise<string> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true })
  const holders = entries
    .filter(entry => /\.so(\.|$)/.test(entry.name))
    .map(entry => entry.parentPath)
  return [...new Set(holders)].join(':')
}

/** By the system's package lists, or else by private ones, because a slim image has none. */
async function download(
  packages: readonly string[],
  directory: string,
  environment: Environment,
): Promise<void> {
  const options = { environment, deadlineMs: downloadDeadlineMs, cwd: directory }
  const tried = await tryEach<unknown>([
    {
      name: 'system package lists',
      attempt: () => runCommand('apt-get', [...sandbox(), 'download', ...packages], options),
    },
    {
      name: 'private package lists',
      attempt: async () => {
        const lists = await privateLists(join(directory, 'apt'))
        await runCommand('apt-get', [...sandbox(), ...lists, 'update'], {
          environment,
          deadlineMs: updateDeadlineMs,
        })
        await runCommand('apt-get', [...sandbox(), ...lists, 'download', ...packages], options)
      },
    },
  ])
  if (!tried.ok) throw new Error(tried.reasons.join('; '))
}

/** Run by root, apt downloads as a user who may not enter our directory. */
function sandbox(): string[] {
  return isRoot() ? ['-o', 'APT::Sandbox::User=root'] : []
}

/** apt with lists and caches below one directory; works for any user. */
async function privateLists(directory: string): Promise<string[]> {
  const lists = join(directory, 'lists')
  const cache = join(directory, 'cache')
  for (const path of [lists, cache]) await mkdir(join(path, 'partial'), { recursive: true })
  const options = [`Dir::State::lists=${lists}`, `Dir::Cache=${cache}`, 'Acquire::Languages=none']
  return options.flatMap(option => ['-o', option])
}

async function missingLibraries(
  program: string,
  root: string,
  environment: Environment,
): Promise<string[]> {
  const linked = { ...environment, LD_LIBRARY_PATH: await librariesIn(root) }
  const { stdout } = await command('ldd', [program], linked)
  return [...stdout.matchAll(/^\s*(\S+) => not found/gm)].map(match => match[1] ?? '')
}

async function uninstalledDependencies(
  downloads: string,
  archives: readonly string[],
  fetched: ReadonlySet<string>,
  environment: Environment,
): Promise<string[]> {
  const names = new Set<string>()
  for (const archive of archives) {
    const file = join(downloads, archive)
    const { stdout } = await command('dpkg-deb', ['--field', file, 'Depends'], environment)
    // "libc6 (>= 2.34), debconf | debconf-2.0": the first of several alternatives will do.
    for (const dependency of stdout.split(',')) {
      const name = /^\s*([a-z0-9][a-z0-9+.-]*)/.exec(dependency)?.[1]
      if (name !== undefined && !fetched.has(name)) names.add(name)
    }
  }
  const uninstalled: string[] = []
  for (const name of names) {
    if (!(await isInstalled(name, environment))) uninstalled.push(name)
  }
  return uninstalled
}

async function isInstalled(name: string, environment: Environment): Promise<boolean> {
  return command('dpkg-query', ['--status', name], environment).then(
    ({ stdout }) => /^Status: .* installed$/m.test(stdout),
    () => false, // dpkg-query fails for a name that it does not know
  )
}

function command(name: string, args: readonly string[], environment: Environment) {
  return runCommand(name, args, { environment, deadlineMs: commandDeadlineMs })
}
