import { join } from 'node:path'
import { environmentOf } from '../machine.ts'
import type { Java } from './java.ts'
import type { PartContext } from './part.ts'
import { runCommand } from './run-command.ts'
import { unpackOnce } from './unpack-once.ts'

/** Must be the version in infra/local/kafka/pom.xml; a test compares them. */
export const kafkaVersion = '4.3.1'
export const kafkaPom = join(import.meta.dirname, '../../kafka/pom.xml')

const mavenDeadlineMs = 300_000

export function kafkaJarsDir(toolsDir: string): string {
  return join(toolsDir, `kafka-${kafkaVersion}`)
}

/** Lets Maven copy Kafka and what it needs into one directory; the second time there is nothing to do. */
export async function fetchKafkaJars(context: PartContext, java: Java): Promise<string> {
  const jars = kafkaJarsDir(context.toolsDir)
  await unpackOnce(jars, async draft => {
    context.say(`Kafka: fetching ${kafkaVersion} with Maven`)
    await runCommand(
      'mvn',
      [
        ...['-q', '-B', '-f', kafkaPom, 'dependency:copy-dependencies'],
        ...['-DincludeScope=runtime', `-DoutputDirectory=${draft}`],
      ],
      {
        environment: { ...environmentOf(context), JAVA_HOME: java.home },
        deadlineMs: mavenDeadlineMs,
      },
    )
  })
  return jars
}
