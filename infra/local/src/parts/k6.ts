import { join } from 'node:path'
import { environmentOf, findExecutable } from '../machine.ts'
import { repoRoot } from '../system/state.ts'
import { findInDocker } from './docker.ts'
import { images } from './images.ts'
import type { Found, Missing, PartContext, SearchContext } from './part.ts'
import { runCommand } from './run-command.ts'
import { type Candidate, filledDirectory, programOnPath, tryEach } from './try-each.ts'
import { unpackOnce } from './unpack-once.ts'

/** Must be the version in load-tests/k6/go.mod; a test compares them. */
export const k6Version = '2.2.0'
/** A Go module that only pins k6: its go.sum holds the checksums of everything in it. */
export const k6Module = join(repoRoot, 'load-tests/k6')

const k6Package = 'go.k6.io/k6/v2'
const image = images.k6
const majorNeeded = '2.'
const versionDeadlineMs = 5_000
/** A little over a minute on two idle cores, after the modules have arrived. */
const buildDeadlineMs = 900_000

type K6 = { program: string; version: string; from: string }

/** k6 from the machine, or built once from the module that pins it, or its official image. */
export async function findK6(
  context: Pick<PartContext, 'toolsDir' | 'environment' | 'report'>,
): Promise<Found | Missing> {
  const tried = await tryEach<K6>(Object.values(k6Candidates(context)))
  if (tried.ok) {
    const { version, from, program } = tried.value
    return { how: 'native', version, from, run: { program } }
  }
  return findInDocker(context, image, {
    needed: 'k6 2, for load tests',
    reasons: tried.reasons,
    fix: 'install k6 2 (https://grafana.com/docs/k6), or Go, which builds it, or start Docker',
  })
}

/** The candidates for a k6, the cheapest first. */
export function k6Candidates(context: SearchContext) {
  const environment = environmentOf(context)
  const builtDir = join(context.toolsDir, `k6-${k6Version}`)

  const check = async (program: string, from: string): Promise<K6> => {
    const { stdout } = await runCommand(program, ['version'], {
      environment,
      deadlineMs: versionDeadlineMs,
    })
    const version = /^k6(?:\.exe)? v(\S+)/.exec(stdout)?.[1] ?? stdout.trim()
    if (version.startsWith(majorNeeded)) return { program, version, from }
    throw new Error(`${program} is k6 ${version}, needed is 2`)
  }
  const checkBuilt = () => check(join(builtDir, 'k6'), `built from ${k6Package}`)

  /** Without C and without our paths in it, so that it runs wherever the directory is copied to. */
  const build = (go: string, target: string) =>
    runCommand(go, ['build', '-trimpath', '-o', target, k6Package], {
      environment: { ...environment, CGO_ENABLED: '0' },
      deadlineMs: buildDeadlineMs,
      cwd: k6Module,
    })

  return {
    path: programOnPath('k6', environment, program => check(program, 'PATH')),
    built: filledDirectory(builtDir, checkBuilt),
    build: {
      name: 'Go',
      fetches: true,
      attempt: async () => {
        const go = await findExecutable('go', environment)
        if (go === undefined) throw new Error('not there')
        context.report?.(`k6: building ${k6Version} with Go, once; about a minute on two cores`)
        await unpackOnce(builtDir, async draft => {
          await build(go, join(draft, 'k6'))
        })
        context.report?.(`k6: ${k6Version} is built`)
        return checkBuilt()
      },
    },
  } satisfies Record<string, Candidate<K6>>
}
