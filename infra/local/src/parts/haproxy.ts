import { delimiter, join } from 'node:path'
import { type Environment, environmentOf, programEnvironment } from '../machine.ts'
import { debianCandidates } from './debian-packages.ts'
import type { Missing, SearchContext } from './part.ts'
import { runCommand } from './run-command.ts'
import { type Candidate, programOnPath, tryEach } from './try-each.ts'

/** What this machine runs HAProxy by. The libraries are empty unless they were unpacked with it. */
export type HaproxyProgram = Readonly<{
  program: string
  libraries: string
  version: string
  from: string
}>

/** Its dependencies follow: `debianCandidates` fetches the libraries that the machine lacks. */
const debianPackages = ['haproxy']
const debianProgram = 'usr/sbin/haproxy'
/** The first with everything that our configuration says; 2.6 and 2.8 are in Debian and Ubuntu. */
const versionMin = '2.4'
const versionDeadlineMs = 5_000
/** Debian installs it where the PATH of an ordinary user does not lead. */
const systemDirectories = ['/usr/local/sbin', '/usr/sbin']

/**
 * HAProxy from the machine, or unpacked from Debian packages. There is no container: it could not
 * reach services that listen on 127.0.0.1.
 */
export async function findHaproxy(
  context: SearchContext,
  candidates: readonly Candidate<HaproxyProgram>[] = Object.values(haproxyCandidates(context)),
): Promise<{ how: 'native'; run: HaproxyProgram } | Missing> {
  const tried = await tryEach(candidates)
  if (tried.ok) return { how: 'native', run: tried.value }
  return {
    how: 'missing',
    needed: `HAProxy ${versionMin} or newer, for two instances of each service`,
    reasons: tried.reasons,
    fix: 'install it (`apt-get install haproxy`, `brew install haproxy`), or start with `--replicas 1`',
  }
}

/** The candidates for a haproxy, the cheapest first. */
export function haproxyCandidates(context: SearchContext) {
  const environment = environmentOf(context)
  const debianDir = join(context.toolsDir, 'haproxy-debian')

  const check = async (program: string, libraries: string, from: string) => {
    const { stdout } = await runCommand(program, ['-v'], {
      environment: {
        ...programEnvironment(environment),
        ...(libraries && { LD_LIBRARY_PATH: libraries }),
      },
      deadlineMs: versionDeadlineMs,
    })
    const version = /version (\d+\.\d+(?:\.\d+)?)/i.exec(stdout)?.[1] ?? stdout.trim()
    if (version.localeCompare(versionMin, 'en', { numeric: true }) >= 0) {
      return { program, libraries, version, from }
    }
    throw new Error(`${program} is HAProxy ${version}, needed is ${versionMin} or newer`)
  }
  const { unpackedDebian, debian } = debianCandidates(
    context,
    { title: 'HAProxy', packages: debianPackages, program: debianProgram, directory: debianDir },
    check,
  )

  return {
    path: programOnPath('haproxy', withSystemDirectories(environment), program =>
      check(program, '', 'PATH'),
    ),
    unpackedDebian,
    debian,
  } satisfies Record<string, Candidate<HaproxyProgram>>
}

function withSystemDirectories(environment: Environment): Environment {
  const path = [environment['PATH'] ?? '', ...systemDirectories].join(delimiter)
  return { ...environment, PATH: path }
}
