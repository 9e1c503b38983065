import { join } from 'node:path'
import { environmentOf, exists, findExecutable } from '../machine.ts'
import { repoRoot } from '../system/state.ts'
import { findDocker } from './docker.ts'
import type { Found, Missing, PartContext } from './part.ts'
import { runCommand } from './run-command.ts'
import { climb, type Rung } from './try-each.ts'
import { unpackOnce } from './unpack-once.ts'

/** Must be the version in load-tests/k6/go.mod; a test compares them. */
export const k6Version = '2.2.0'
/** A Go module of nothing but the pin: its go.sum says what k6 is made of. */
export const k6Module = join(repoRoot, 'load-tests/k6')

const k6Package = 'go.k6.io/k6/v2'
const image = `grafana/k6:${k6Version}`
const majorNeeded = '2.'
const versionDeadlineMs = 5_000
/** A little over a minute on two idle cores, after the modules have arrived. */
const buildDeadlineMs = 900_000

type K6 = { program: string; version: string; from: string }
type K6Context = Pick<PartContext, 'toolsDir' | 'environment' | 'say'>

/** k6 from the machine, or built once from the module that pins it, or its official image. */
export async function findK6(
  context: K6Context,
  rungs: readonly Rung<K6>[] = Object.values(k6Rungs(context)),
): Promise<Found | Missing> {
  const climbed = await climb(rungs)
  if (climbed.reached) {
    const { version, from, program } = climbed.value
    return { how: 'native', version, from, run: { program } }
  }
  const docker = await findDocker(context, image)
  if (docker.how === 'docker') return docker
  return {
    how: 'missing',
    needed: 'k6 2, for load tests',
    looked: [...climbed.looked, docker.why],
    fix: 'install k6 2 (https://grafana.com/docs/k6), or Go, which builds it, or start Docker',
  }
}

/** The ways to get a k6, the cheapest first. */
export function k6Rungs(context: Omit<K6Context, 'say'> & Partial<Pick<K6Context, 'say'>>) {
  const environment = environmentOf(context)
  const builtDir = join(context.toolsDir, `k6-${k6Version}`)
  const fromBuilt = () => proven(join(builtDir, 'k6'), `built from ${k6Package}`)

  const proven = async (program: string, from: string): Promise<K6> => {
    const { stdout } = await runCommand(program, ['version'], {
      environment,
      deadlineMs: versionDeadlineMs,
    })
    const version = /^k6(?:\.exe)? v(\S+)/.exec(stdout)?.[1] ?? stdout.trim()
    if (version.startsWith(majorNeeded)) return { program, version, from }
    throw new Error(`${program} is k6 ${version}, needed is 2`)
  }

  /** Without C and without our paths in it, so that it runs wherever the directory is copied to. */
  const build = (go: string, target: string) =>
    runCommand(go, ['build', '-trimpath', '-o', target, k6Package], {
      environment: { ...environment, CGO_ENABLED: '0' },
      deadlineMs: buildDeadlineMs,
      cwd: k6Module,
    })

  return {
    path: {
      name: 'k6 on PATH',
      fetches: false,
      attempt: async () => {
        const program = await findExecutable('k6', environment)
        if (program === undefined) throw new Error('not there')
        return proven(program, 'PATH')
      },
    },
    built: {
      name: builtDir,
      fetches: false,
      attempt: async () => {
        if (!(await exists(builtDir))) throw new Error('nothing built yet')
        return fromBuilt()
      },
    },
    build: {
      name: 'Go',
      fetches: true,
      attempt: async () => {
        const go = await findExecutable('go', environment)
        if (go === undefined) throw new Error('not there')
        context.say?.(`k6: building ${k6Version} with Go, once; about a minute on two cores`)
        await unpackOnce(builtDir, async draft => {
          await build(go, join(draft, 'k6'))
        })
        context.say?.(`k6: ${k6Version} is built`)
        return fromBuilt()
      },
    },
  } satisfies Record<string, Rung<K6>>
}
